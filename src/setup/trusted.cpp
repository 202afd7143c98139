#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "setup/trusted.hpp"

namespace stepdown::setup {
namespace {

constexpr int kMostLinks = 40; // as path_resolution(7)

// The names of a path in front of those still to be walked; the next one is the last of the list.
void push_names(std::vector<std::string>& names, std::string_view path) {
    std::vector<std::string> some;
    while (!path.empty()) {
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(name.size() + 1, path.size()));
        if (!name.empty() && name != ".") {
            some.emplace_back(name);
        }
    }
    names.insert(names.end(), some.rbegin(), some.rend());
}

sys::Sys<sys::Fd> root_directory(sys::Kernel& kernel) { return kernel.open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY); }

} // namespace

sys::Sys<sys::Fd> open_trusted(sys::Kernel& kernel, std::string_view path) {
    if (!path.starts_with('/')) {
        return std::unexpected(EINVAL);
    }
    std::vector<std::string> names;
    push_names(names, path);
    auto here = root_directory(kernel);
    for (int links = 0; here && !names.empty();) {
        const std::string name = std::move(names.back());
        names.pop_back();
        auto next = kernel.open_at(here->get(), name.c_str(), O_PATH | O_NOFOLLOW);
        const auto now = next ? kernel.stat_at(next->get(), "") : std::unexpected(next.error());
        if (!now) {
            return std::unexpected(now.error());
        }
        if (S_ISREG(now->st_mode) && names.empty()) {
            // A regular file does not block, and its name may not be swapped for another: it is opened by the pin's
            // directory and compared.
            auto file = kernel.open_at(here->get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
            const auto same = file ? kernel.stat_at(file->get(), "") : std::unexpected(file.error());
            if (!same) {
                return std::unexpected(same.error());
            }
            return same->st_ino == now->st_ino && same->st_dev == now->st_dev
                       ? std::move(file)
                       : sys::Sys<sys::Fd>(std::unexpected(ESTALE));
        }
        if (!S_ISLNK(now->st_mode)) {
            here = std::move(next);
            continue;
        }
        if (now->st_uid != 0 || ++links > kMostLinks) {
            return std::unexpected(ELOOP);
        }
        const auto target = kernel.read_link_at(next->get(), "");
        if (!target) {
            return std::unexpected(target.error());
        }
        if (target->starts_with('/')) {
            here = root_directory(kernel);
        }
        push_names(names, *target);
    }
    return here ? sys::Sys<sys::Fd>(std::unexpected(EINVAL)) : std::move(here);
}

} // namespace stepdown::setup
