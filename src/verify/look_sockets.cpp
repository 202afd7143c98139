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

// Arrays and no pointers: a row of these is nothing that a start relocates.

// Where they are in a host's /run, and in a folder of it that was mounted alone.
// clang-format off
constexpr char kPlaces[][32] = {
    "docker.sock", "containerd/containerd.sock", "crio/crio.sock", "podman/podman.sock", "cri-dockerd.sock",
    "buildkit/buildkitd.sock", "dockershim.sock", "k3s/containerd/containerd.sock",
    "containerd.sock", "crio.sock", "podman.sock", "buildkitd.sock",
};
// clang-format on

// Where nobody has a socket: the kernel's own; and another machine's, or a program's, which may keep a caller waiting.
constexpr char kWithoutSockets[][8] = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue",
                                       "nfs",  "nfs4",  "cifs",   "smb3",    "ceph"};

// More mounts than any container has that was made by hand; each costs some microseconds.
constexpr std::size_t kMostMounts = 512;

bool is_runtimes(std::string_view path) {
    return std::ranges::contains(kNames, path.substr(path.rfind('/') + 1)); // npos + 1 is 0
}

bool is_without_sockets(const Mount& mount) {
    return mount.type.starts_with("fuse") ||
           std::ranges::any_of(kWithoutSockets, [&mount](const char* type) { return mount.type == type; });
}

struct Search {
    const Scene& scene;
    std::vector<std::string> found = {};

    void say(std::string path) {
        if (!std::ranges::contains(found, path)) {
            found.push_back(std::move(path));
        }
    }

    bool is(mode_t type, int folder, const char* name) const {
        const auto status = scene.kernel.stat_at(folder, name);
        return status && (status->st_mode & S_IFMT) == type;
    }

    // A mount may show a host's /run, or its whole root. Most have nothing of it: one call each says so.
    void look_at(const std::string& point) {
        const bool root = point == "/";
        const std::string path = root ? point : point + "/";
        const auto top = scene.kernel.open_at(scene.root.get(), root ? "." : point.c_str() + 1, O_PATH | O_DIRECTORY);
        if (!top) {
            return;
        }
        if (!root) {
            look_in(top->get(), path);
        }
        for (const char* const name : {"run", "var/run"}) {
            if (!is(S_IFDIR, top->get(), std::string(name, 3).c_str())) {
                continue;
            }
            if (const auto folder = scene.kernel.open_at(top->get(), name, O_PATH | O_DIRECTORY); folder) {
                look_in(folder->get(), path + name + "/");
            }
        }
    }

    void look_in(int folder, const std::string& path) {
        for (const char* const name : kPlaces) {
            const std::string_view place(name);
            const std::string first(place.substr(0, place.find('/')));
            if (first.size() == place.size()) {
                if (is(S_IFSOCK, folder, first.c_str())) {
                    say(path + first);
                }
                continue;
            }
            const auto file =
                is(S_IFDIR, folder, first.c_str()) ? scene.kernel.open_at(folder, name, O_PATH) : std::unexpected(0);
            if (file && is(S_IFSOCK, file->get(), "")) {
                say(path + std::string(place));
            }
        }
    }
};

} // namespace

std::vector<Seen> look_for_runtime_sockets(const Scene& scene) {
    Search search{.scene = scene};
    if (scene.root) {
        search.look_at("/");
    }
    std::size_t mounts = 0;
    for (const Mount& mount : scene.mounts.value_or(std::vector<Mount>{})) {
        if (is_runtimes(mount.point) || is_runtimes(mount.root)) {
            search.say(mount.point);
        }
        const bool looked_at = mount.point == "/" || mount.point == "/run" || mount.point == "/var/run";
        if (scene.root && !looked_at && !is_without_sockets(mount) && ++mounts <= kMostMounts) {
            search.look_at(mount.point);
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
