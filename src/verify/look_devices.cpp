#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <memory>

#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

constexpr int kDeepest = 3;     // /dev/net/tun, /dev/bus/usb/001
constexpr unsigned kMost = 512; // of the entries looked at

// null, zero, full, random, urandom; tty, console, ptmx; the pseudo terminals.
bool is_standard(const struct stat& status) {
    const unsigned group = major(status.st_rdev);
    const unsigned number = minor(status.st_rdev);
    const bool memory = group == 1 && (number == 3 || number == 5 || (number >= 7 && number <= 9));
    const bool terminal = (group == 5 && number <= 2) || (group >= 136 && group <= 143);
    return S_ISCHR(status.st_mode) && (memory || terminal);
}

struct Search {
    sys::Kernel& kernel;
    unsigned entries = 0;
    Listing found = {};

    void walk(sys::Fd directory, const std::string& path, int depth) {
        const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(directory.get()), ::closedir);
        if (!list) {
            return;
        }
        const int fd = directory.release();
        while (const dirent* entry = ::readdir(list.get())) {
            const std::string_view name = entry->d_name;
            const auto status = kernel.stat_at(fd, entry->d_name);
            if (name == "." || name == ".." || !status || ++entries > kMost) {
                continue;
            }
            if (S_ISDIR(status->st_mode) && depth < kDeepest) {
                if (auto below = kernel.open_at(fd, entry->d_name, O_RDONLY | O_DIRECTORY); below) {
                    walk(std::move(*below), path + entry->d_name + "/", depth + 1);
                }
            } else if ((S_ISBLK(status->st_mode) || S_ISCHR(status->st_mode)) && !is_standard(*status)) {
                found.add(path + entry->d_name);
            }
        }
    }
};

} // namespace

std::vector<Seen> look_at_devices(const Scene& scene) {
    auto directory =
        scene.root ? scene.kernel.open_at(scene.root.get(), "dev", O_RDONLY | O_DIRECTORY) : std::unexpected(0);
    if (!directory) {
        return {{Verdict::kUnknown, "/dev is not readable"}};
    }
    Search search{.kernel = scene.kernel};
    search.walk(std::move(*directory), "/dev/", 1);
    if (!search.found.empty()) {
        return {{Verdict::kFail, search.found.text()}};
    }
    return {{search.entries > kMost ? Verdict::kUnknown : Verdict::kPass, "the standard ones"}};
}

} // namespace stepdown::verify
