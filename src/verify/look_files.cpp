#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <fmt/format.h>

#include "sys/directory.hpp"
#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

constexpr unsigned kMostEntries = 2'000'000; // larger than any image; a bound, since somebody else made the tree
constexpr int kDeepest = 128;
constexpr std::size_t kMostFindings = 100;

// Why executing it could give privileges; empty: it does not.
std::string privilege_of(int directory, const char* name, const struct stat& status) {
    if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
        return {};
    }
    if ((status.st_mode & S_ISUID) != 0) {
        return fmt::format("setuid, of uid {}", status.st_uid);
    }
    if ((status.st_mode & S_ISGID) != 0) {
        return fmt::format("setgid, of gid {}", status.st_gid);
    }
    const std::string path = fmt::format("/proc/self/fd/{}/{}", directory, name); // there is no lgetxattrat(2) yet
    return ::lgetxattr(path.c_str(), "security.capability", nullptr, 0) > 0 ? "has file capabilities" : "";
}

struct Search {
    sys::Kernel& kernel;
    dev_t device = 0; // of the root: what is mounted below is not the image's
    unsigned entries = 0;
    bool whole = true;
    std::vector<Seen> found = {};

    void walk(sys::Fd opened, const std::string& path, int depth) {
        sys::Directory directory(std::move(opened));
        while (const auto entry = directory.next()) {
            if (entry->type == DT_DIR || entry->type == DT_REG || entry->type == DT_UNKNOWN) {
                look(directory.fd(), entry->name, path, depth);
            }
        }
        whole &= directory.error() == 0;
    }

    void look(int directory, const char* name, const std::string& path, int depth) {
        if (++entries > kMostEntries || found.size() >= kMostFindings) {
            whole = false;
            return;
        }
        const auto status = kernel.stat_at(directory, name);
        if (!status) {
            return; // gone meanwhile
        }
        if (S_ISDIR(status->st_mode)) {
            if (status->st_dev != device) {
                return;
            }
            auto below = kernel.open_at(directory, name, O_RDONLY | O_DIRECTORY);
            if (!below || depth >= kDeepest) {
                whole = false;
                return;
            }
            walk(std::move(*below), path + name + "/", depth + 1);
        } else if (const std::string why = privilege_of(directory, name, *status); !why.empty()) {
            found.push_back({Verdict::kFail, path + name + ": " + why, path + name});
        }
    }
};

} // namespace

std::vector<Seen> look_for_privileged_files(const Scene& scene) {
    auto root = scene.root ? scene.kernel.open_at(scene.root.get(), ".", O_RDONLY | O_DIRECTORY) : std::unexpected(0);
    const auto status = root ? scene.kernel.stat_at(root->get(), "") : std::unexpected(0);
    if (!status) {
        return {{Verdict::kUnknown, "the root directory is not readable"}};
    }
    Search search{.kernel = scene.kernel, .device = status->st_dev};
    search.walk(std::move(*root), "/", 0);
    if (!search.whole) {
        search.found.push_back(
            {Verdict::kUnknown, fmt::format("not all could be read, after {} entries", search.entries)});
    }
    return search.found.empty() ? std::vector<Seen>{{Verdict::kPass, fmt::format("none in {} entries", search.entries)}}
                                : std::move(search.found);
}

} // namespace stepdown::verify
