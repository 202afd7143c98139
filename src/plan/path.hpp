#pragma once

#include <string_view>

namespace stepdown::plan {

// Why a path is not one that root may work on, as the rest of a sentence that begins with the path; empty when it is
// fine: absolute, no ".", "..", empty component or control character, no '/' at its end, and not "/" itself. Strict,
// because the same name must mean the same file in the Plan, in the receipt and to the kernel.
constexpr std::string_view path_fault(std::string_view path) {
    if (!path.starts_with('/')) {
        return "is not an absolute path";
    }
    if (path == "/") {
        return "is the whole file system: name a directory in it";
    }
    for (std::size_t at = 0; at < path.size();) {
        std::size_t end = path.find('/', at + 1);
        if (end == std::string_view::npos) {
            end = path.size();
        }
        const std::string_view component = path.substr(at + 1, end - at - 1);
        if (component.empty()) {
            return "has two slashes in a row or one at its end: write it without";
        }
        if (component == "." || component == "..") {
            return "has a component . or ..: write the path it stands for";
        }
        at = end;
    }
    for (const char byte : path) {
        if (static_cast<unsigned char>(byte) < ' ' || byte == '\x7f') {
            return "has a control character in it";
        }
    }
    return {};
}

// /var/run/app is /run/app: images have /var/run as a link, and root's work follows none. systemd-tmpfiles has it so
// too.
constexpr std::string_view without_var_run(std::string_view path) {
    constexpr std::string_view kVar = "/var";
    return path.starts_with("/var/run/") ? path.substr(kVar.size()) : path;
}

} // namespace stepdown::plan
