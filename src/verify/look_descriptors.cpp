#include <algorithm>
#include <cerrno>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "sys/directory.hpp"
#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

bool is_of_a_file_system(const struct stat& status) {
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode);
}

// The descriptors of a process whose files are in no file system that the container has mounted. False: not readable.
bool look_at(const std::string& path, const std::set<dev_t>& own, Listing& found, pid_t pid) {
    sys::Fd opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) {
        return errno == ENOENT || errno == ESRCH;
    }
    sys::Directory directory(std::move(opened));
    while (const auto entry = directory.next()) {
        struct stat status{};
        char target[512];
        // A memory file, a pipe or a socket is its owner's own; their links do not begin with a slash, or with /memfd:.
        const ssize_t length = ::readlinkat(directory.fd(), entry->name, target, sizeof target);
        const std::string_view link(target, length > 0 ? static_cast<std::size_t>(length) : 0);
        if (!link.starts_with('/') || link.starts_with("/memfd:") || link.starts_with("/SYSV") ||
            ::fstatat(directory.fd(), entry->name, &status, 0) != 0) {
            continue;
        }
        if (is_of_a_file_system(status) && !own.contains(status.st_dev)) {
            found.add(fmt::format("{} of process {}: {}", entry->name, pid, link));
        }
    }
    return true;
}

} // namespace

std::vector<Seen> look_at_descriptors(const Scene& scene) {
    if (!scene.mounts) {
        return {{Verdict::kUnknown, "mounts not readable"}};
    }
    std::set<dev_t> own;
    for (const Mount& mount : *scene.mounts) {
        own.insert(mount.device);
    }
    Listing found;
    bool readable = true;
    for (const Sighting& seen : scene.threads) {
        if (seen.role != Role::kForeign && seen.thread.pid == seen.thread.tid && !seen.zombie()) {
            readable &= look_at(fmt::format("{}/{}/fd", scene.proc, seen.thread.pid), own, found, seen.thread.pid);
        }
    }
    if (!found.empty()) {
        return {{Verdict::kFail, found.text()}};
    }
    return {{readable ? Verdict::kPass : Verdict::kUnknown, readable ? "none from outside" : "not readable"}};
}

} // namespace stepdown::verify
