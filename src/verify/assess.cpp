#include "verify/assess.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fcntl.h>

#include <fmt/format.h>

#include "verify/judge.hpp"
#include "verify/receipt_file.hpp"
#include "verify/tree.hpp"
#include "verify/user_namespace.hpp"

namespace stepdown::verify {
namespace {

Finding finding_of(const char* check, Verdict verdict, std::string expected, std::string observed,
                   std::string remedy = {}) {
    return {check, verdict, std::move(expected), std::move(observed), std::move(remedy)};
}

struct Law {
    Facts wanted;                            // empty without a receipt
    std::optional<unsigned> filters_of_init; // it has one filter of its own, and no emulation
    Floor floor;
    pid_t init = 1;
    bool init_is_app = false;    // there is no init: that process is the app itself
    bool init_is_hidden = false; // init is stepdown, which makes itself non-dumpable
};

Law law_of(const ReceiptFile& file) {
    if (file.state != ReceiptFile::State::kRead) {
        return {};
    }
    const Receipt& receipt = file.receipt;
    Law law{.wanted = receipt.wanted,
            .floor = {},
            .init = receipt.pid,
            .init_is_app = !receipt.init,
            .init_is_hidden = receipt.init};
    if (receipt.emulation && receipt.init && receipt.filters_before) {
        law.filters_of_init = *receipt.filters_before + 1;
    }
    if (file.exposed.empty()) {
        law.floor = {.root_allowed = receipt.allow_root,
                     .capabilities_allowed = true,
                     .no_filter_allowed = !receipt.filter.has_value()};
    }
    return law;
}

Finding receipt_finding(const ReceiptFile& file) {
    const char* const kExpected = "what the start left";
    const std::string trouble = fmt::format("{}: {}", file.path, file.trouble);
    switch (file.state) {
    case ReceiptFile::State::kRead:
        return finding_of("receipt", Verdict::kPass, kExpected, file.path);
    case ReceiptFile::State::kMissing:
        return finding_of("receipt", Verdict::kUnknown, kExpected, trouble,
                          "start the app through stepdown, or say --receipt=PATH; only the floor was held against it");
    case ReceiptFile::State::kUnreadable:
        return finding_of("receipt", Verdict::kUnknown, kExpected, trouble, "run verify as a user who may read it");
    case ReceiptFile::State::kMalformed:
        break;
    }
    return finding_of(
        "receipt", Verdict::kFail, kExpected, trouble,
        "it was damaged or forged after the start: restart the container and find out who may write there");
}

Finding protection_finding(const ReceiptFile& file) {
    const char* const kExpected = "only root can have written it";
    if (!file.exposed.empty()) { // all that a start without root can leave; the floor holds besides
        return finding_of("receipt.protected", Verdict::kSkipped, kExpected, file.exposed + "; it loosens nothing");
    }
    if (file.receipt.allow_root) {
        return finding_of("receipt.protected", Verdict::kSkipped, kExpected, "the app may be root and have written it");
    }
    return finding_of("receipt.protected", Verdict::kPass, kExpected, kExpected);
}

// The ids that the app is told are not the ones below, which are the kernel's.
Finding emulation_finding(const Receipt& receipt) {
    return finding_of("emulation", Verdict::kSkipped, "reported, not judged",
                      fmt::format("root is emulated for the app, {}: it is told that it is root; what follows is true",
                                  receipt.emulation->name));
}

std::string id_map_text(sys::Kernel& kernel, const std::string& path, const Law& law) {
    const auto file = kernel.open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    const auto text = file ? kernel.read_whole(*file) : std::unexpected(file.error());
    if (!text) {
        return fmt::format("{}: {}", path, std::strerror(text.error()));
    }
    const auto map = parse_id_map(*text);
    if (!map) {
        return fmt::format("{}: malformed", path);
    }
    std::string words;
    for (const IdRange& range : *map) {
        words += fmt::format("{} {} {}; ", range.inside, range.outside, range.length);
    }
    if (!law.wanted.uid) {
        return words + "inside, outside, count";
    }
    const std::uint32_t uid = (*law.wanted.uid)[0];
    const auto outside = outside_id(*map, uid);
    return words + fmt::format("uid {} is {} outside", uid, outside ? fmt::format("uid {}", *outside) : "nobody");
}

// A process that is not dumpable has root's /proc files (proc(5)), and neither ptrace nor /proc/PID/mem of the same uid
// works.
Finding dumpable_finding(const Sighting& init) {
    const auto& uid = init.thread.facts.uid;
    if (!uid || !init.status_owner) {
        return finding_of("init.dumpable", Verdict::kUnknown, "no", "not readable",
                          "run verify as root in the container");
    }
    if ((*uid)[1] == 0) {
        return finding_of("init.dumpable", Verdict::kSkipped, "no", "cannot be told of a process of uid 0");
    }
    if (*init.status_owner == (*uid)[1]) {
        return finding_of("init.dumpable", Verdict::kFail, "no", "yes",
                          "the app can trace and read PID 1: let stepdown, unchanged, be PID 1");
    }
    return finding_of("init.dumpable", Verdict::kPass, "no", "no");
}

std::vector<Finding> judge_thread(const Sighting& seen, const Law& law) {
    if (!seen.trouble.empty()) {
        return {finding_of("status", Verdict::kUnknown, "readable", seen.trouble,
                           "run verify as root in the container, on a /proc mounted without hidepid")};
    }
    if (seen.zombie()) {
        return {finding_of("state", Verdict::kSkipped, "alive", "zombie: it has ended and runs nothing")};
    }
    Facts wanted = law.wanted;
    if (seen.role == Role::kInit && law.filters_of_init) {
        wanted.seccomp_filters = law.filters_of_init;
    }
    auto findings = judge(wanted, seen.thread, law.floor);
    if (seen.role == Role::kInit && law.init_is_hidden && seen.thread.pid == seen.thread.tid) {
        findings.push_back(dumpable_finding(seen));
    }
    return findings;
}

// An observer that is not shown the subject must not report that all is well with what it was shown.
std::optional<Finding> absence_finding(const Tree& tree, pid_t pid) {
    const bool there =
        std::ranges::any_of(tree.threads, [pid](const Sighting& seen) { return seen.thread.pid == pid; });
    if (there) {
        return std::nullopt;
    }
    return finding_of("process", Verdict::kUnknown, fmt::format("process {}", pid),
                      tree.trouble.empty() ? "not there, or hidden from this observer" : tree.trouble,
                      "run verify as root in the container's PID namespace");
}

} // namespace

Report assess(sys::Kernel& kernel, const Question& question) {
    Report report;
    Law law;
    if (question.receipt != "off") {
        const ReceiptFile file = find_receipt(kernel, question.receipt);
        law = law_of(file);
        report.container.push_back(receipt_finding(file));
        if (file.state == ReceiptFile::State::kRead) {
            report.receipt = file.path;
            report.container.push_back(protection_finding(file));
            if (file.receipt.emulation) {
                report.container.push_back(emulation_finding(file.receipt));
            }
        }
    }
    Tree tree = walk(kernel, question.proc, law.init);
    const pid_t main = question.pid.value_or(law.init);
    if (auto absent = absence_finding(tree, main)) {
        report.container.push_back(std::move(*absent));
    } else {
        const std::string path = fmt::format("{}/{}/uid_map", question.proc, main);
        report.container.push_back(
            finding_of("user_namespace", Verdict::kSkipped, "reported, not judged", id_map_text(kernel, path, law)));
    }
    for (Sighting& seen : tree.threads) {
        if (question.pid && *question.pid != seen.thread.pid) {
            continue;
        }
        if ((question.pid && seen.role == Role::kForeign) || (seen.role == Role::kInit && law.init_is_app)) {
            seen.role = Role::kApp;
        }
        auto findings = seen.role == Role::kForeign ? std::vector<Finding>{} : judge_thread(seen, law);
        report.subjects.push_back({std::move(seen.thread), seen.role, std::move(findings)});
    }
    return report;
}

} // namespace stepdown::verify
