#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "stepdown/sort.hpp"
#include "verify/assess.hpp"
#include "verify/cgroup.hpp"
#include "verify/law.hpp"
#include "verify/status.hpp"
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
std::string namespace_of(const std::string& proc, pid_t pid, const char* kind, int& error) {
    char name[64];
    const ssize_t length = ::readlink(fmt::format("{}/{}/ns/{}", proc, pid, kind).c_str(), name, sizeof name);
    error = length < 0 ? errno : 0;
    return {name, length < 0 ? 0 : static_cast<std::size_t>(length)};
}

// When a process was started, in ticks since the boot: proc_pid_stat(5), field 22. 0: not readable.
std::uint64_t start_of(std::string_view stat) {
    constexpr int kFieldsBetween = 19;                              // from the state, which the name's ')' is before
    stat.remove_prefix(std::min(stat.rfind(')') + 2, stat.size())); // npos + 2 is 1
    for (int field = 0; field < kFieldsBetween; ++field) {
        stat.remove_prefix(std::min(stat.find(' '), stat.size() - 1) + 1);
        if (stat.empty()) {
            return 0;
        }
    }
    std::uint64_t start = 0;
    const auto [stop, fault] = std::from_chars(stat.data(), stat.data() + stat.size(), start);
    return fault == std::errc{} ? start : 0;
}

struct Process {
    pid_t pid;
    std::string space; // its PID namespace
};

struct Container {
    ContainerName name;
    std::vector<Process> processes; // ascending

    bool holds(pid_t pid) const { return std::ranges::binary_search(processes, pid, {}, &Process::pid); }
};

struct Node {
    std::map<std::string, Container> containers; // by id
    std::string own;                             // PID namespace; empty: not readable
    std::string own_users;                       // user namespace
    unsigned unreadable = 0;                     // processes
};

// By the id in the cgroup: containers may share a PID namespace, and one may have several. Who is in no container's
// cgroup and yet in another PID namespace than the node's has entered, or has no cgroup that tells: it belongs to
// whoever has that namespace.
void place(Node& node, const std::vector<std::pair<Process, ContainerName>>& seen) {
    std::map<std::string, std::string> homes; // id by PID namespace
    for (const auto& [process, name] : seen) {
        if (!name.id.empty()) {
            homes.try_emplace(process.space, name.id);
            Container& one = node.containers[name.id];
            one.name = one.processes.empty() ? name : one.name;
            one.processes.push_back(process);
        }
    }
    for (const auto& [process, name] : seen) {
        if (name.id.empty() && process.space != node.own && !node.own.empty()) {
            const std::string& id = homes.try_emplace(process.space, process.space).first->second;
            Container& one = node.containers[id];
            one.name.id = id;
            one.processes.push_back(process);
        }
    }
    for (auto& [id, container] : node.containers) {
        sort_few(container.processes, &Process::pid); // as they were found, mostly
    }
}

// Whether this process is the first of its PID namespace and in the node's user namespace.
bool has_begun_as_root(sys::Kernel& kernel, const std::string& proc, const Node& node, pid_t pid) {
    int error = 0;
    return namespace_of(proc, pid, "user", error) == node.own_users &&
           read_status(read_text(kernel, fmt::format("{}/{}/status", proc, pid))).inner_pid == 1;
}

// A cgroup with processes in the node's PID namespace, and others that root has put into one of their own: a runtime's
// monitor and its container, say, or several containers in a session's. Each such namespace is a container by itself.
// An app cannot make itself one: without root it needs a user namespace, and stays with the others.
void part(sys::Kernel& kernel, const std::string& proc, Node& node) {
    std::map<std::string, Container> parted;
    for (auto& [id, container] : node.containers) {
        if (!std::ranges::contains(container.processes, node.own, &Process::space)) {
            continue;
        }
        std::set<std::string> apart;
        for (const Process& process : container.processes) {
            if (process.space != node.own && has_begun_as_root(kernel, proc, node, process.pid)) {
                apart.insert(process.space);
            }
        }
        for (const std::string& space : apart) {
            Container& one = parted[id + " " + space];
            one.name = container.name;
            std::ranges::copy_if(container.processes, std::back_inserter(one.processes),
                                 [&space](const Process& process) { return process.space == space; });
            std::erase_if(container.processes, [&space](const Process& process) { return process.space == space; });
        }
    }
    node.containers.merge(parted);
}

Node group(sys::Kernel& kernel, const std::string& proc, const std::vector<pid_t>& pids) {
    Node node;
    int error = 0;
    for (const pid_t pid : {1, 2}) { // PID 1 may have capabilities that the observer has not; kthreadd is where it is
        if (node.own.empty()) {
            node.own = namespace_of(proc, pid, "pid", error);
            node.own_users = namespace_of(proc, pid, "user", error);
        }
    }
    // The node may be a container itself, and all that is in it in that one's cgroup.
    const ContainerName own = container_of(read_text(kernel, proc + "/1/cgroup"));
    std::vector<std::pair<Process, ContainerName>> seen;
    for (const pid_t pid : pids) {
        if (pid == 1) {
            continue; // the node's own
        }
        std::string space = namespace_of(proc, pid, "pid", error);
        if (error != 0) {
            node.unreadable += error == ENOENT || error == ESRCH ? 0 : 1;
            continue;
        }
        ContainerName name = container_of(read_text(kernel, fmt::format("{}/{}/cgroup", proc, pid)));
        seen.emplace_back(Process{.pid = pid, .space = std::move(space)},
                          name.id == own.id ? ContainerName() : std::move(name));
    }
    place(node, seen);
    part(kernel, proc, node);
    return node;
}

// What is asked of a container's processes once their account has been read.
struct Members {
    sys::Kernel& kernel;
    const std::string& proc;
    const Container& container;
    Tree& tree;

    const std::string& space_of(pid_t pid) const {
        return std::ranges::lower_bound(container.processes, pid, {}, &Process::pid)->space;
    }

    // The container's first process, by its start: whoever is in it came later, and cannot put itself in its place.
    const Sighting* first() const {
        const Sighting* found = nullptr;
        std::uint64_t earliest = 0;
        for (const Sighting& seen : tree.threads) {
            if (seen.thread.pid != seen.thread.tid) {
                continue;
            }
            const std::uint64_t start = start_of(read_text(kernel, fmt::format("{}/{}/stat", proc, seen.thread.pid)));
            if (found == nullptr || start < earliest) {
                found = &seen;
                earliest = start;
            }
        }
        return found != nullptr || tree.threads.empty() ? found : &tree.threads.front();
    }

    // The process that the container of this first one numbers as init.
    pid_t main(const Sighting& first, pid_t init) const {
        for (const Sighting& seen : tree.threads) {
            if (seen.inner_pid == init && seen.thread.pid == seen.thread.tid &&
                space_of(seen.thread.pid) == space_of(first.thread.pid)) {
                return seen.thread.pid;
            }
        }
        return first.thread.pid;
    }

    // By descent, as among the container's own numbers. A parent outside says that somebody has entered only where the
    // container's first process is that of its PID namespace: it would have adopted an orphan. Elsewhere an orphan of
    // the app's has such a parent too, and is judged.
    void give_roles(const Sighting& first, pid_t main) {
        const std::string home = first.inner_pid == 1 ? space_of(first.thread.pid) : std::string();
        std::vector<pid_t> parents;
        for (Sighting& seen : tree.threads) {
            pid_t& parent = seen.thread.parent;
            parents.push_back(parent);
            if (parent >= 0 && !container.holds(parent)) {
                parent = space_of(seen.thread.pid) == home ? 0 : main;
            }
        }
        verify::give_roles(tree, main);
        for (std::size_t i = 0; i < parents.size(); ++i) {
            tree.threads[i].thread.parent = parents[i];
        }
    }
};

Report assess_container(sys::Kernel& kernel, const Question& question, const Container& container) {
    Report report{.id = container.name.id, .pod = container.name.pod};
    std::vector<pid_t> pids;
    std::ranges::transform(container.processes, std::back_inserter(pids), &Process::pid);
    Tree tree = walk(kernel, question.proc, pids);
    if (tree.threads.empty()) {
        return report; // it has ended meanwhile
    }
    Members members{.kernel = kernel, .proc = question.proc, .container = container, .tree = tree};
    const Sighting& begin = *members.first();
    const std::string first = fmt::format("{}/{}", question.proc, begin.thread.pid);
    const sys::Fd root(::open((first + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::optional<ReceiptFile> file;
    if (question.receipt != "off") {
        file = find_receipt_of(kernel, question.receipt, first);
        std::ranges::move(receipt_findings(*file, !question.policy), std::back_inserter(report.container));
        report.receipt = file->state == ReceiptFile::State::kRead ? file->path : "";
    }
    Law law = law_of(file ? &*file : nullptr, question.policy);
    const pid_t main = members.main(begin, law.init);
    members.give_roles(begin, main);
    report.container.push_back(user_namespace_finding(kernel, question.proc, main, law));
    map_ids_of(kernel, first, law.wanted);
    const auto mounts = parse_mounts(read_text(kernel, first + "/mountinfo"));
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
    require_judged(report);
    apply_waivers(report, question.policy, question.today);
    return report;
}

Finding node_finding(std::string observed) {
    return {.check = "process",
            .verdict = Verdict::kUnknown,
            .expected = "every process's PID namespace",
            .observed = std::move(observed),
            .remedy = "run verify as root with CAP_SYS_PTRACE, on the node's own /proc",
            .severity = Severity::kCritical,
            .title = "what is to be judged is there",
            .references = "CIS-Docker-4.1"};
}

// An observer that is not shown the node must not report that all is well with what it was shown.
void tell_unseen(Report& report, const Node& node, const std::vector<pid_t>& pids) {
    report.unreadable = node.unreadable;
    if (pids.empty() || pids.front() != 1) {
        ++report.unreadable;
        report.container.push_back(node_finding("process 1 is not there, or hidden from this observer"));
    } else if (node.own.empty()) {
        ++report.unreadable;
        report.container.push_back(node_finding("that of process 1 is not readable"));
    }
    if (node.unreadable > 0) {
        report.container.push_back(node_finding(fmt::format("that of {} processes is not readable", node.unreadable)));
    }
}

} // namespace

Report assess_node(sys::Kernel& kernel, const Question& question) {
    Report report{.node = true};
    const auto pids = processes(question.proc);
    if (!pids) {
        report.unreadable = 1;
        report.container.push_back(node_finding(fmt::format("{}: {}", question.proc, std::strerror(pids.error()))));
        return report;
    }
    const Node node = group(kernel, question.proc, *pids);
    tell_unseen(report, node, *pids);
    std::vector<const Container*> ordered;
    for (const auto& [id, container] : node.containers) {
        ordered.push_back(&container);
    }
    sort_few(ordered, [](const Container* one) { return one->processes.front().pid; });
    for (const Container* container : ordered) {
        Report member = assess_container(kernel, question, *container);
        if (!member.subjects.empty()) {
            report.members.push_back(std::move(member));
        }
    }
    return report;
}

} // namespace stepdown::verify
