#include "verify/assess.hpp"

#include <algorithm>
#include <utility>

#include <fcntl.h>

#include <fmt/format.h>

#include "verify/law.hpp"
#include "verify/status.hpp"
#include "verify/surroundings.hpp"
#include "verify/user_namespace.hpp"

namespace stepdown::verify {
namespace {

Finding process_finding(std::string expected, std::string observed) {
    return {.check = "process",
            .verdict = Verdict::kUnknown,
            .expected = std::move(expected),
            .observed = std::move(observed),
            .remedy = "run verify as root in the container's PID namespace",
            .severity = Severity::kCritical,
            .title = "what is to be judged is there",
            .references = "CIS-Docker-4.1"};
}

// An observer that is not shown the subject must not report that all is well with what it was shown.
std::optional<Finding> absence_finding(const Tree& tree, pid_t pid) {
    const bool there =
        std::ranges::any_of(tree.threads, [pid](const Sighting& seen) { return seen.thread.pid == pid; });
    if (there) {
        return std::nullopt;
    }
    return process_finding(fmt::format("process {}", pid),
                           tree.trouble.empty() ? "not there, or hidden from this observer" : tree.trouble);
}

std::optional<std::vector<Mount>> mounts_of(sys::Kernel& kernel, const std::string& proc, pid_t pid) {
    const auto file = kernel.open_at(AT_FDCWD, fmt::format("{}/{}/mountinfo", proc, pid).c_str(), O_RDONLY);
    const auto text = file ? kernel.read_whole(*file) : std::unexpected(file.error());
    return text ? parse_mounts(*text) : std::nullopt;
}

// One process that is asked about is judged whatever its descent: nobody else is looked at.
Tree walk_asked(sys::Kernel& kernel, const Question& question, pid_t init) {
    if (!question.pid) {
        return walk(kernel, question.proc, init);
    }
    Tree tree = walk(kernel, question.proc, std::span(&*question.pid, 1));
    pid_t number = *question.pid; // in its own PID namespace, as a receipt counts
    for (const Sighting& seen : tree.threads) {
        number = seen.thread.tid == *question.pid && seen.inner_pid > 0 ? seen.inner_pid : number;
    }
    for (Sighting& seen : tree.threads) {
        seen.role = number == init ? Role::kInit : Role::kApp;
    }
    return tree;
}

void append(std::vector<Finding>& all, std::vector<Finding> more) { std::ranges::move(more, std::back_inserter(all)); }

} // namespace

Report assess(sys::Kernel& kernel, const Question& question) {
    Report report;
    std::optional<ReceiptFile> file;
    if (question.receipt != "off") {
        file = question.pid
                   ? find_receipt_of(kernel, question.receipt, fmt::format("{}/{}", question.proc, *question.pid))
                   : find_receipt(kernel, question.receipt);
        append(report.container, receipt_findings(*file, !question.policy));
        report.receipt = file->state == ReceiptFile::State::kRead ? file->path : "";
    }
    Law law = law_of(file ? &*file : nullptr, question.policy);
    Tree tree = walk_asked(kernel, question, law.init);
    const pid_t main = question.pid.value_or(law.init);
    if (auto absent = absence_finding(tree, main)) {
        report.container.push_back(std::move(*absent));
    } else {
        report.container.push_back(user_namespace_finding(kernel, question.proc, main, law));
    }
    if (question.pid) { // which may be in a user namespace below
        map_ids_of(kernel, fmt::format("{}/{}", question.proc, main), law.wanted);
    }
    if (question.surroundings) { // an observer in the container has its mounts, and may not read those of PID 1
        const auto mounts = mounts_of(kernel, question.proc, ::getpid());
        const auto root = kernel.open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
        const sys::Fd none;
        append(report.container, look_around({.kernel = kernel,
                                              .proc = question.proc,
                                              .threads = tree.threads,
                                              .mounts = mounts,
                                              .root = root ? *root : none},
                                             question.files, question.least));
    }
    for (Sighting& seen : tree.threads) {
        if (question.pid && *question.pid != seen.thread.pid) {
            continue;
        }
        if (seen.role == Role::kInit && law.init_is_app) {
            seen.role = Role::kApp;
        }
        auto findings = seen.role == Role::kForeign ? std::vector<Finding>{} : judge_thread(seen, law);
        report.subjects.push_back({std::move(seen.thread), seen.role, std::move(findings)});
    }
    require_judged(report);
    apply_waivers(report, question.policy, question.today);
    return report;
}

Report assess_status(std::string_view text, const Question& question) {
    Report report;
    Status status = read_status(text);
    if (status.malformed || !status.thread.facts.uid || status.thread.pid < 1) {
        report.container.push_back(process_finding("a /proc/PID/status text", "it is not one, or was cut off"));
        return report;
    }
    const Law law = law_of(nullptr, question.policy);
    Sighting seen{.thread = std::move(status.thread), .role = Role::kApp};
    auto findings = judge_thread(seen, law);
    report.subjects.push_back({std::move(seen.thread), Role::kApp, std::move(findings)});
    apply_waivers(report, question.policy, question.today);
    return report;
}

} // namespace stepdown::verify
