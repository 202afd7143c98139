#include <algorithm>
#include <array>

#include <fcntl.h>
#include <sys/stat.h>

#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"docker.sock",    "containerd.sock",  "crio.sock",
                                                    "podman.sock",    "cri-dockerd.sock", "buildkitd.sock",
                                                    "dockershim.sock"};

// Where they are in a host's /run, and in a folder of it that was mounted alone.
constexpr std::array<const char*, 12> kPlaces = {"docker.sock",      "containerd/containerd.sock",
                                                 "crio/crio.sock",   "podman/podman.sock",
                                                 "cri-dockerd.sock", "buildkit/buildkitd.sock",
                                                 "dockershim.sock",  "k3s/containerd/containerd.sock",
                                                 "containerd.sock",  "crio.sock",
                                                 "podman.sock",      "buildkitd.sock"};

// A mount may show a host's /run, or its whole root.
constexpr std::array<const char*, 3> kFolders = {".", "run", "var/run"};

// Where nobody has a socket: the kernel's own.
constexpr std::array<std::string_view, 6> kWithoutSockets = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue"};

// More mounts than any container has that was made by hand; each costs some microseconds.
constexpr std::size_t kMostMounts = 512;

bool is_runtimes(std::string_view path) {
    return std::ranges::contains(kNames, path.substr(path.rfind('/') + 1)); // npos + 1 is 0
}

struct Search {
    const Scene& scene;
    std::vector<std::string> found = {};

    void say(std::string path) {
        if (!std::ranges::contains(found, path)) {
            found.push_back(std::move(path));
        }
    }

    void look_in(const std::string& point) {
        const std::string below = point.size() <= 1 ? "." : point.substr(1);
        const auto top = scene.kernel.open_at(scene.root.get(), below.c_str(), O_PATH | O_DIRECTORY);
        for (const char* const name : kFolders) {
            const auto folder = top ? scene.kernel.open_at(top->get(), name, O_PATH | O_DIRECTORY) : std::unexpected(0);
            if (folder) {
                look_in(folder->get(),
                        (point.size() <= 1 ? "" : point) + (name[0] == '.' ? "/" : "/" + std::string(name) + "/"));
            }
        }
    }

    void look_in(int folder, const std::string& path) {
        for (const char* const place : kPlaces) {
            const auto file = scene.kernel.open_at(folder, place, O_PATH);
            const auto status = file ? scene.kernel.stat_at(file->get(), "") : std::unexpected(0);
            if (status && S_ISSOCK(status->st_mode)) {
                say(path + place);
            }
        }
    }
};

} // namespace

std::vector<Seen> look_for_runtime_sockets(const Scene& scene) {
    Search search{.scene = scene};
    if (scene.root) {
        search.look_in("/");
    }
    std::size_t mounts = 0;
    for (const Mount& mount : scene.mounts.value_or(std::vector<Mount>{})) {
        if (is_runtimes(mount.point) || is_runtimes(mount.root)) {
            search.say(mount.point);
        }
        if (scene.root && !std::ranges::contains(kWithoutSockets, mount.type) && ++mounts <= kMostMounts) {
            search.look_in(mount.point);
        }
    }
    if (!search.found.empty()) {
        Listing list;
        std::ranges::for_each(search.found, [&list](const std::string& path) { list.add(path); });
        return {{Verdict::kFail, list.text()}};
    }
    const bool looked = scene.mounts && scene.root;
    if (looked && mounts > kMostMounts) {
        return {{Verdict::kUnknown, "too many mounts to look in all"}};
    }
    return {{looked ? Verdict::kPass : Verdict::kUnknown, looked ? "none" : "not readable"}};
}

} // namespace stepdown::verify
