#include <array>
#include <cerrno>

#include <fcntl.h>

#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

// What every runtime covers by default (the OCI runtime specification's maskedPaths and readonlyPaths), where the
// kernel has it.
constexpr std::array<std::string_view, 2> kReadOnly = {"/proc/sys", "/proc/sysrq-trigger"};
constexpr std::array<std::string_view, 1> kMasked = {"/proc/kcore"};

bool has_file(const Scene& scene, std::string_view path) {
    const std::string name = scene.proc + std::string(path.substr(std::string_view("/proc").size()));
    const auto status = scene.kernel.stat_at(AT_FDCWD, name.c_str());
    return status || status.error() != ENOENT;
}

} // namespace

std::vector<Seen> look_at_masks(const Scene& scene) {
    if (!scene.mounts) {
        return {{Verdict::kUnknown, "mounts not readable"}};
    }
    const Mount* const proc = mount_of(*scene.mounts, "/proc");
    if (proc == nullptr || proc->type != "proc") {
        return {{Verdict::kSkipped, "no /proc"}};
    }
    std::string open;
    const auto say = [&open](std::string_view path, std::string_view what) {
        open.append(open.empty() ? "" : ", ").append(path).append(what);
    };
    for (const std::string_view path : kReadOnly) {
        if (!mount_of(*scene.mounts, path)->read_only && has_file(scene, path)) {
            say(path, " is writable");
        }
    }
    for (const std::string_view path : kMasked) {
        if (mount_of(*scene.mounts, path)->point != path && !proc->read_only && has_file(scene, path)) {
            say(path, " is not masked");
        }
    }
    const Mount* const sys = mount_of(*scene.mounts, "/sys");
    if (sys != nullptr && sys->type == "sysfs" && !sys->read_only) {
        say("/sys", " is writable");
    }
    return {{open.empty() ? Verdict::kPass : Verdict::kFail, open.empty() ? "masked" : open}};
}

} // namespace stepdown::verify
