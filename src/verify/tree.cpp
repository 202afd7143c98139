#include "verify/tree.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <expected>
#include <map>
#include <optional>

#include <fcntl.h>

#include <fmt/format.h>

#include "sys/directory.hpp"
#include "verify/status.hpp"

namespace stepdown::verify {
namespace {

bool vanished(int error) { return error == ENOENT || error == ESRCH; }

// The entries of a directory that are numbers, ascending; or errno.
std::expected<std::vector<pid_t>, int> numbers_in(const std::string& path) {
    sys::Fd opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) {
        return std::unexpected(errno);
    }
    sys::Directory directory(std::move(opened));
    std::vector<pid_t> numbers;
    while (const auto entry = directory.next()) {
        const std::string_view name = entry->name;
        pid_t number = 0;
        const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error == std::errc{} && stop == name.data() + name.size() && number > 0) {
            numbers.push_back(number);
        }
    }
    if (directory.error() != 0) {
        return std::unexpected(directory.error());
    }
    std::ranges::sort(numbers);
    return numbers;
}

Sighting unread(pid_t pid, pid_t tid, std::string trouble) {
    Sighting seen;
    seen.thread.pid = pid;
    seen.thread.tid = tid;
    seen.thread.parent = -1;
    seen.thread.tracer = -1;
    seen.trouble = std::move(trouble);
    return seen;
}

// Empty: the thread is gone.
std::optional<Sighting> see_thread(sys::Kernel& kernel, const std::string& proc, pid_t pid, pid_t tid) {
    const auto file = kernel.open_at(AT_FDCWD, fmt::format("{}/{}/task/{}/status", proc, pid, tid).c_str(), O_RDONLY);
    const auto text = file ? kernel.read_whole(*file) : std::unexpected(file.error());
    if (!text) {
        return vanished(text.error()) ? std::nullopt : std::optional(unread(pid, tid, std::strerror(text.error())));
    }
    Sighting seen;
    Status status = read_status(*text);
    seen.thread = std::move(status.thread);
    seen.inner_pid = status.inner_pid;
    if (seen.thread.pid != pid || seen.thread.tid != tid) { // nothing that the kernel would write
        return unread(pid, tid, "the status is not of this thread");
    }
    if (const auto owner = kernel.stat_at(file->get(), ""); owner) {
        seen.status_owner = owner->st_uid;
    }
    return seen;
}

void see_process(sys::Kernel& kernel, const std::string& proc, pid_t pid, std::vector<Sighting>& threads) {
    const auto tids = numbers_in(fmt::format("{}/{}/task", proc, pid));
    if (!tids && !vanished(tids.error())) {
        threads.push_back(unread(pid, pid, std::strerror(tids.error())));
    }
    for (const pid_t tid : tids.value_or(std::vector<pid_t>{})) {
        if (auto seen = see_thread(kernel, proc, pid, tid)) {
            threads.push_back(std::move(*seen));
        }
    }
}

using Parents = std::map<pid_t, pid_t>;

Role role_of(pid_t pid, pid_t init, const Parents& parents) {
    if (pid == init) {
        return Role::kInit;
    }
    for (std::size_t steps = 0; steps <= parents.size(); ++steps) {
        const auto found = parents.find(pid);
        if (found == parents.end() || found->second < 0) {
            return Role::kApp; // vanished or unreadable on the way up
        }
        pid = found->second;
        if (pid == init) {
            return Role::kApp;
        }
        if (pid == 0) {
            return Role::kForeign;
        }
    }
    return Role::kApp; // a circle: numbers were used again during the walk
}

} // namespace

std::expected<std::vector<pid_t>, int> processes(const std::string& proc) { return numbers_in(proc); }

Tree walk(sys::Kernel& kernel, const std::string& proc, std::span<const pid_t> pids) {
    Tree tree;
    for (const pid_t pid : pids) {
        see_process(kernel, proc, pid, tree.threads);
    }
    return tree;
}

void give_roles(Tree& tree, pid_t init) {
    Parents parents;
    for (const Sighting& seen : tree.threads) {
        pid_t& parent = parents.try_emplace(seen.thread.pid, -1).first->second;
        parent = std::max(parent, seen.thread.parent);
    }
    for (Sighting& seen : tree.threads) {
        seen.role = role_of(seen.thread.pid, init, parents);
    }
}

Tree walk(sys::Kernel& kernel, const std::string& proc, pid_t init) {
    const auto pids = numbers_in(proc);
    if (!pids) {
        return {.threads = {}, .trouble = fmt::format("{}: {}", proc, std::strerror(pids.error()))};
    }
    Tree tree = walk(kernel, proc, *pids);
    give_roles(tree, init);
    return tree;
}

} // namespace stepdown::verify
