#pragma once

#include <string>
#include <string_view>

namespace stepdown::verify {

// Who a process belongs to, by the names that container runtimes give control groups.
struct ContainerName {
    std::string id;  // 12 to 64 hexadecimal digits; empty: in no container
    std::string pod; // a Kubernetes pod's uid, with dashes; empty: in none

    bool operator==(const ContainerName&) const = default;
};

// From the text of /proc/PID/cgroup (cgroups(7)). The innermost id of the first line that has one counts. Known shapes:
// ".../docker/ID", ".../docker-ID.scope", "/kubepods/burstable/podUID/ID",
// "/kubepods.slice/kubepods-podU_I_D.slice/cri-containerd-ID.scope", crio-ID.scope, libpod-ID.scope. The scopes of
// their monitors, libpod-conmon-ID.scope and crio-conmon-ID.scope, are no containers.
ContainerName container_of(std::string_view text);

} // namespace stepdown::verify
