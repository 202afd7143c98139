#include <algorithm>
#include <array>

#include <fcntl.h>
#include <sys/stat.h>

#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"docker.sock", "containerd.sock",  "crio.sock",
                                                    "podman.sock", "cri-dockerd.sock", "buildkitd.sock"};

// Where a folder that was mounted whole would show them.
constexpr std::array<const char*, 8> kPaths = {"run/docker.sock",        "run/containerd/containerd.sock",
                                               "run/crio/crio.sock",     "run/podman/podman.sock",
                                               "run/cri-dockerd.sock",   "var/run/docker.sock",
                                               "var/run/crio/crio.sock", "var/run/containerd/containerd.sock"};

bool is_runtimes(std::string_view path) {
    return std::ranges::contains(kNames, path.substr(path.rfind('/') + 1)); // npos + 1 is 0
}

} // namespace

std::vector<Seen> look_for_runtime_sockets(const Scene& scene) {
    std::string found;
    const auto say = [&found](std::string_view path) {
        if (!found.contains(path)) {
            found.append(found.empty() ? "" : " ").append(path);
        }
    };
    for (const Mount& mount : scene.mounts.value_or(std::vector<Mount>{})) {
        if (is_runtimes(mount.point) || is_runtimes(mount.root)) {
            say(mount.point);
        }
    }
    for (const char* const path : kPaths) {
        const auto file = scene.root ? scene.kernel.open_at(scene.root.get(), path, O_PATH) : std::unexpected(0);
        const auto status = file ? scene.kernel.stat_at(file->get(), "") : std::unexpected(0);
        if (status && S_ISSOCK(status->st_mode)) {
            say(std::string("/") + path);
        }
    }
    if (!found.empty()) {
        return {{Verdict::kFail, found}};
    }
    const bool looked = scene.mounts && scene.root;
    return {{looked ? Verdict::kPass : Verdict::kUnknown, looked ? "none" : "not readable"}};
}

} // namespace stepdown::verify
