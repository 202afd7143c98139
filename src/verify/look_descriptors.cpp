#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
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

using Ids = std::set<int>;

Ids ids_of(const std::vector<Mount>& mounts) {
    Ids ids;
    std::ranges::transform(mounts, std::inserter(ids, ids.end()), &Mount::id);
    return ids;
}

std::optional<std::string> read_text(sys::Kernel& kernel, const std::string& path) {
    const auto file = kernel.open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    auto text = file ? kernel.read_whole(*file) : std::unexpected(file.error());
    return text ? std::optional(std::move(*text)) : std::nullopt;
}

// By which mount it was opened: proc_pid_fdinfo(5). A device number would not do, since a file system of several
// (btrfs, overlay) tells each file another one than the mount table. Empty: closed meanwhile.
std::optional<int> mount_of_descriptor(std::string_view text) {
    constexpr std::string_view kKey = "mnt_id:\t";
    const std::size_t at = text.find(kKey);
    int id = 0;
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const char* const from = text.data() + at + kKey.size();
    return std::from_chars(from, text.data() + text.size(), id).ec == std::errc{} ? std::optional(id) : std::nullopt;
}

struct Descriptors {
    const Scene& scene;
    Ids own; // mounts of the container's first process
    Listing found = {};
    bool readable = true;

    // A process may have a mount namespace of its own, made from the container's: the same mounts by other numbers.
    bool is_of_another_namespace(const std::string& process, int mount) {
        const auto text = read_text(scene.kernel, process + "/mountinfo");
        const auto mounts = text ? parse_mounts(*text) : std::nullopt;
        readable &= mounts.has_value();
        return !mounts || ids_of(*mounts).contains(mount);
    }

    void look_at(const std::string& process, pid_t pid) {
        sys::Fd opened(::open((process + "/fd").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!opened) {
            readable &= errno == ENOENT || errno == ESRCH;
            return;
        }
        sys::Directory directory(std::move(opened));
        while (const auto entry = directory.next()) {
            struct stat status{};
            char target[512];
            // A memory file, a pipe or a socket is its owner's own; their links do not begin with a slash, or with
            // /memfd:.
            const ssize_t length = ::readlinkat(directory.fd(), entry->name, target, sizeof target);
            const std::string_view link(target, length > 0 ? static_cast<std::size_t>(length) : 0);
            if (!link.starts_with('/') || link.starts_with("/memfd:") || link.starts_with("/SYSV") ||
                ::fstatat(directory.fd(), entry->name, &status, 0) != 0 || !is_of_a_file_system(status)) {
                continue;
            }
            const auto text = read_text(scene.kernel, process + "/fdinfo/" + entry->name);
            const auto mount = text ? mount_of_descriptor(*text) : std::nullopt;
            if (mount && !own.contains(*mount) && !is_of_another_namespace(process, *mount)) {
                found.add(fmt::format("{} of process {}: {}", entry->name, pid, link));
            }
        }
    }
};

} // namespace

std::vector<Seen> look_at_descriptors(const Scene& scene) {
    if (!scene.mounts) {
        return {{Verdict::kUnknown, "mounts not readable"}};
    }
    Descriptors descriptors{.scene = scene, .own = ids_of(*scene.mounts)};
    for (const Sighting& seen : scene.threads) {
        if (seen.role != Role::kForeign && seen.thread.pid == seen.thread.tid && !seen.zombie()) {
            descriptors.look_at(fmt::format("{}/{}", scene.proc, seen.thread.pid), seen.thread.pid);
        }
    }
    if (!descriptors.found.empty()) {
        return {{Verdict::kFail, descriptors.found.text()}};
    }
    const bool readable = descriptors.readable;
    return {{readable ? Verdict::kPass : Verdict::kUnknown, readable ? "none from outside" : "not readable"}};
}

} // namespace stepdown::verify
