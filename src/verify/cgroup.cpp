#include "verify/cgroup.hpp"

#include <algorithm>

namespace stepdown::verify {
namespace {

constexpr std::string_view kHexadecimal = "0123456789abcdef";

bool is_id(std::string_view word) {
    return word.size() >= 32 && word.size() <= 64 && word.find_first_not_of(kHexadecimal) == std::string_view::npos;
}

// "docker-ID.scope" → "ID"; a component that is none of that shape comes back whole. "libpod-conmon-ID.scope" is that
// of the container's monitor, which the runtime has outside it.
std::string_view bare(std::string_view component) {
    if (component.ends_with(".scope") && !component.contains("-conmon-")) {
        component.remove_suffix(6);
        component.remove_prefix(component.rfind('-') + 1); // npos + 1 is 0
    }
    return component;
}

// "podUID", "kubepods-burstable-podU_I_D.slice" → "UID" with dashes; empty: no pod.
std::string pod_of(std::string_view component) {
    if (component.ends_with(".slice")) {
        component.remove_suffix(6);
        const std::size_t at = component.rfind("-pod");
        component.remove_prefix(at == std::string_view::npos ? component.size() : at + 1);
    }
    if (!component.starts_with("pod") || component.size() < 35) {
        return {};
    }
    std::string pod(component.substr(3));
    std::ranges::replace(pod, '_', '-');
    return pod.find_first_not_of("0123456789abcdef-") == std::string::npos ? pod : std::string();
}

ContainerName read_path(std::string_view path) {
    ContainerName name;
    while (!path.empty()) {
        const std::string_view component = path.substr(0, path.find('/'));
        if (is_id(bare(component))) {
            name.id = bare(component);
        } else if (const std::string pod = pod_of(component); !pod.empty()) {
            name.pod = pod;
        }
        path.remove_prefix(std::min(component.size() + 1, path.size()));
    }
    return name;
}

} // namespace

ContainerName container_of(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second != std::string_view::npos) {
            if (ContainerName name = read_path(line.substr(second + 1)); !name.id.empty()) {
                return name;
            }
        }
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return {};
}

} // namespace stepdown::verify
