#include <fcntl.h>

#include "setup/path.hpp"

namespace stepdown::setup {

Try<std::vector<std::string>> components(std::string_view path) {
    if (!path.starts_with('/')) {
        return refusal(Act::kEnter, "it is not an absolute path: write it from / on");
    }
    if (path.find('\0') != std::string_view::npos) {
        return refusal(Act::kEnter, "it holds a zero byte, which no file name can");
    }
    std::vector<std::string> names;
    while (!path.empty()) {
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(name.size() + 1, path.size()));
        if (name == "..") {
            return refusal(Act::kEnter, "\"..\" is not followed: write the path without it");
        }
        if (!name.empty() && name != ".") {
            names.emplace_back(name);
        }
    }
    if (names.empty()) {
        return refusal(Act::kEnter, "the root directory is the whole image: name the directory that the app needs");
    }
    return names;
}

Try<sys::Fd> open_root(sys::Kernel& kernel) {
    auto fd = kernel.open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
    if (!fd) {
        return trouble(Act::kEnter, fd.error());
    }
    return std::move(*fd);
}

Try<sys::Fd> enter(sys::Kernel& kernel, int dir, const std::string& name) {
    // Not O_NOFOLLOW: with O_PATH it would open the link itself, and the link would look like a file.
    auto fd = kernel.open_at(dir, name.c_str(), O_PATH | O_DIRECTORY);
    if (!fd) {
        return trouble(Act::kEnter, fd.error());
    }
    return std::move(*fd);
}

} // namespace stepdown::setup
