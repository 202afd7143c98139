#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "verify/assess.hpp"
#include "verify/cgroup.hpp"
#include "verify/law.hpp"
#include "verify/surroundings.hpp"
#include "verify/user_namespace.hpp"

namespace stepdown::verify {
namespace {

std::string read_text(sys::Kernel& kernel, const std::string& path) {
    const auto file = kernel.open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    auto text = file ? kernel.read_whole(*file) : std::unexpected(file.error());
    return text ? std::move(*text) : std::string();
}

// "pid:[4026531836]", or why not.
std::string namespace_of(const std::string& proc, pid_t pid, int& error) {
    char name[64];
    const ssize_t length = ::readlink(fmt::format("{}/{}/ns/pid", proc, pid).c_str(), name, sizeof name);
    error = length < 0 ? errno : 0;
    return {name, length < 0 ? 0 : static_cast<std::size_t>(length)};
}

struct Container {
    ContainerName name;
    std::vector<pid_t> pids;
};

// By PID namespace, and within the node's own (containers that share it) by the id in the cgroup.
struct Node {
    std::map<std::string, Container> containers;
    unsigned unreadable = 0;
};

Node group(sys::Kernel& kernel, const std::string& proc, const std::vector<pid_t>& pids) {
    Node node;
    int error = 0;
    std::string own = namespace_of(proc, 1, error);
    if (error != 0) { // PID 1 may have capabilities that the observer has not; kthreadd is in the same one
        own = namespace_of(proc, 2, error);
    }
    for (const pid_t pid : pids) {
        if (pid == 1) {
            continue; // the node's own
        }
        const std::string space = namespace_of(proc, pid, error);
        if (error != 0) {
            node.unreadable += error == ENOENT || error == ESRCH ? 0 : 1;
            continue;
        }
        const bool apart = space != own;
        auto known = node.containers.find(space);
        if (apart && known != node.containers.end()) {
            known->second.pids.push_back(pid);
            continue;
        }
        ContainerName name = container_of(read_text(kernel, fmt::format("{}/{}/cgroup", proc, pid)));
        if (!apart && name.id.empty()) {
            continue; // the node's own
        }
        const std::string key = apart ? space : name.id;
        Container& one = node.containers[key];
        if (one.pids.empty()) {
            one.name = std::move(name);
            if (one.name.id.empty()) {
                one.name.id = space;
            }
        }
        one.pids.push_back(pid);
    }
    return node;
}

// The process that its container numbers as init; the first one where the PID namespace is the node's.
pid_t main_of(const std::vector<Sighting>& threads, pid_t init) {
    for (const Sighting& seen : threads) {
        if (seen.inner_pid == init && seen.thread.pid == seen.thread.tid) {
            return seen.thread.pid;
        }
    }
    return threads.empty() ? -1 : threads.front().thread.pid;
}

Report assess_container(sys::Kernel& kernel, const Question& question, const Container& container) {
    Report report{.id = container.name.id, .pod = container.name.pod};
    Tree tree = walk(kernel, question.proc, container.pids);
    if (tree.threads.empty()) {
        return report; // it has ended meanwhile
    }
    const pid_t first = main_of(tree.threads, 1);
    const std::string root_path = fmt::format("{}/{}/root", question.proc, first);
    const sys::Fd root(::open(root_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::optional<ReceiptFile> file;
    if (root && question.receipt != "off") {
        const auto map = parse_id_map(read_text(kernel, fmt::format("{}/{}/uid_map", question.proc, first)));
        const std::uint32_t owner = map ? outside_id(*map, 0).value_or(0) : 0;
        file = find_receipt(kernel, question.receipt, root.get(), owner);
        std::ranges::move(receipt_findings(*file, !question.policy), std::back_inserter(report.container));
        report.receipt = file->state == ReceiptFile::State::kRead ? file->path : "";
    }
    const Law law = law_of(file ? &*file : nullptr, question.policy);
    for (Sighting& seen : tree.threads) { // who has entered has a parent outside, as 0 says inside
        if (!std::ranges::binary_search(container.pids, seen.thread.parent)) {
            seen.thread.parent = 0;
        }
    }
    const pid_t main = main_of(tree.threads, law.init);
    give_roles(tree, main);
    report.container.push_back(user_namespace_finding(kernel, question.proc, main, law));
    const auto mounts = parse_mounts(read_text(kernel, fmt::format("{}/{}/mountinfo", question.proc, first)));
    std::ranges::move(
        look_around({.kernel = kernel, .proc = question.proc, .threads = tree.threads, .mounts = mounts, .root = root},
                    question.files, question.least),
        std::back_inserter(report.container));
    for (Sighting& seen : tree.threads) {
        if (seen.role == Role::kInit && law.init_is_app) {
            seen.role = Role::kApp;
        }
        auto findings = seen.role == Role::kForeign ? std::vector<Finding>{} : judge_thread(seen, law);
        report.subjects.push_back({std::move(seen.thread), seen.role, std::move(findings)});
    }
    apply_waivers(report, question.policy, question.today);
    return report;
}

Finding node_finding(std::string observed) {
    return {.check = "process",
            .verdict = Verdict::kUnknown,
            .expected = "every process's PID namespace",
            .observed = std::move(observed),
            .remedy = "run verify as root with CAP_SYS_PTRACE, on the node's own /proc",
            .severity = Severity::kHigh,
            .title = "what is to be judged is there",
            .references = "CIS-Docker-4.1"};
}

} // namespace

Report assess_node(sys::Kernel& kernel, const Question& question) {
    Report report;
    const auto pids = processes(question.proc);
    if (!pids) {
        report.container.push_back(node_finding(fmt::format("{}: {}", question.proc, std::strerror(pids.error()))));
        return report;
    }
    Node node = group(kernel, question.proc, *pids);
    if (node.unreadable > 0) {
        report.container.push_back(node_finding(fmt::format("that of {} is not readable", node.unreadable)));
    }
    std::vector<const Container*> ordered;
    for (const auto& [key, container] : node.containers) {
        ordered.push_back(&container);
    }
    std::ranges::sort(ordered, {}, [](const Container* one) { return one->pids.front(); });
    for (const Container* container : ordered) {
        Report member = assess_container(kernel, question, *container);
        if (!member.subjects.empty()) {
            report.members.push_back(std::move(member));
        }
    }
    return report;
}

} // namespace stepdown::verify
