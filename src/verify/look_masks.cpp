#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>

#include "verify/mounts.hpp"
#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

// What every runtime covers by default (the OCI runtime specification's maskedPaths and readonlyPaths), where the
// kernel has it.
constexpr std::array<std::string_view, 2> kReadOnly = {"/sys", "/sysrq-trigger"};
constexpr std::array<std::string_view, 1> kMasked = {"/kcore"};

bool has_file(const Scene& scene, std::string_view path) {
    const auto status = scene.kernel.stat_at(AT_FDCWD, (scene.proc + std::string(path)).c_str());
    return status || status.error() != ENOENT;
}

struct Masks {
    const Scene& scene;
    const std::vector<Mount>& mounts;
    Listing open = {};

    // A whole proc file system, wherever it is mounted: what is mounted in it counts.
    void look_at_proc(const Mount& proc) {
        for (const std::string_view path : kReadOnly) {
            const std::string full = proc.point + std::string(path);
            if (!mount_of(mounts, full)->read_only && has_file(scene, path)) {
                open.add(full + " is writable");
            }
        }
        for (const std::string_view path : kMasked) {
            const std::string full = proc.point + std::string(path);
            if (mount_of(mounts, full)->point != full && !proc.read_only && has_file(scene, path)) {
                open.add(full + " is not masked");
            }
        }
    }

    // A part of one, mounted somewhere by itself.
    void look_at_part(const Mount& part) {
        const auto is_of = [&part](std::string_view path) { return is_below(part.root, path); };
        if (!part.read_only && std::ranges::any_of(kReadOnly, is_of)) {
            open.add(part.point + " is writable");
        }
        if (!part.read_only && std::ranges::any_of(kMasked, is_of)) {
            open.add(part.point + " is not masked");
        }
    }
};

} // namespace

std::vector<Seen> look_at_masks(const Scene& scene) {
    if (!scene.mounts) {
        return {{Verdict::kUnknown, "mounts not readable"}};
    }
    Masks masks{.scene = scene, .mounts = *scene.mounts};
    bool any = false;
    for (const Mount& mount : *scene.mounts) {
        if ((mount.type != "proc" && mount.type != "sysfs") || mount_of(*scene.mounts, mount.point) != &mount) {
            continue; // nobody sees what another one is on top of
        }
        if (mount.type == "proc") {
            any = true;
            mount.root == "/" ? masks.look_at_proc(mount) : masks.look_at_part(mount);
        } else if (mount.type == "sysfs" && !mount.read_only) {
            any = true;
            masks.open.add(mount.point + " is writable");
        }
    }
    if (!any) {
        return {{Verdict::kSkipped, "no /proc"}};
    }
    return {{masks.open.empty() ? Verdict::kPass : Verdict::kFail, masks.open.empty() ? "masked" : masks.open.text()}};
}

} // namespace stepdown::verify
