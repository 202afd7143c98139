#include <algorithm>
#include <array>

#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

// The kernel's own, where nobody can put a program.
constexpr std::array<std::string_view, 8> kWithoutPrograms = {"proc",   "sysfs",  "cgroup",     "cgroup2",
                                                              "devpts", "mqueue", "securityfs", "debugfs"};

} // namespace

std::vector<Seen> look_for_executable_mounts(const Scene& scene) {
    if (!scene.mounts) {
        return {{Verdict::kUnknown, "mounts not readable"}};
    }
    Listing found;
    for (const Mount& mount : *scene.mounts) {
        const bool mask = mount.point.starts_with("/proc/") || mount.point.starts_with("/sys/");
        if (!mask && !mount.read_only && !mount.no_exec && !std::ranges::contains(kWithoutPrograms, mount.type)) {
            found.add(mount.point);
        }
    }
    return {{found.empty() ? Verdict::kPass : Verdict::kFail, found.empty() ? "none" : found.text()}};
}

} // namespace stepdown::verify
