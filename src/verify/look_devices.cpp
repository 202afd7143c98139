#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sys/directory.hpp"
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

    void walk(sys::Fd opened, const std::string& path, int depth) {
        sys::Directory directory(std::move(opened));
        while (const auto entry = directory.next()) {
            if (entry->type == DT_LNK || entry->type == DT_REG) {
                continue;
            }
            const auto status = kernel.stat_at(directory.fd(), entry->name);
            if (!status || ++entries > kMost) {
                continue;
            }
            if (S_ISDIR(status->st_mode) && depth < kDeepest) {
                if (auto below = kernel.open_at(directory.fd(), entry->name, O_RDONLY | O_DIRECTORY); below) {
                    walk(std::move(*below), path + entry->name + "/", depth + 1);
                }
            } else if ((S_ISBLK(status->st_mode) || S_ISCHR(status->st_mode)) && !is_standard(*status)) {
                found.add(path + entry->name);
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
