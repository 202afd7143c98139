#include "commands/image.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace stepdown::commands {

Finding image_finding(const ImageCheck& check, Verdict verdict, std::string observed, std::string_view remedy,
                      std::string file) {
    const bool told = verdict == Verdict::kFail || verdict == Verdict::kUnknown;
    return {.check = std::string(check.id),
            .verdict = verdict,
            .expected = std::string(check.expected),
            .observed = std::move(observed),
            .remedy = std::string(told ? remedy : ""),
            .severity = check.severity,
            .title = check.title,
            .references = check.references,
            .file = std::move(file)};
}

namespace {

// Where a descriptor's file is, less the folder that the image is in.
std::string path_in_image(const Image& image, int fd, const std::string& otherwise) {
    char name[PATH_MAX];
    char top[PATH_MAX];
    const ssize_t length = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), name, sizeof name);
    const ssize_t above = ::readlink(fmt::format("/proc/self/fd/{}", image.root.get()).c_str(), top, sizeof top);
    std::string_view path(name, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    const std::string_view folder(top, static_cast<std::size_t>(std::max<ssize_t>(above, 0)));
    if (folder != "/" && path.starts_with(folder)) {
        path.remove_prefix(folder.size());
    }
    return path.starts_with('/') ? std::string(path) : otherwise;
}

} // namespace

sys::Sys<sys::Fd> Image::open(std::string_view path, int flags) const {
    const std::string below(path.substr(std::min(path.find_first_not_of('/'), path.size())));
    return kernel.open_at(root.get(), below.empty() ? "." : below.c_str(), flags);
}

sys::Sys<Place> Image::find(const std::string& path) const {
    struct open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    Place place{.fd = sys::Fd(static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how))),
                .path = {}};
    if (!place.fd) {
        return std::unexpected(errno);
    }
    const auto status = kernel.stat_at(place.fd.get(), "");
    if (!status) {
        return std::unexpected(status.error());
    }
    place.status = *status;
    place.path = path_in_image(*this, place.fd.get(), path);
    return place;
}

std::string Image::text(std::string_view path) const {
    const auto place = find(std::string(path)); // by its links: an image may have its files elsewhere
    const auto file = place ? open(place->path, O_RDONLY | O_NONBLOCK | O_NOCTTY) : std::unexpected(place.error());
    auto read = file ? kernel.read_whole(*file) : std::unexpected(file.error());
    return read ? std::move(*read) : std::string();
}

std::string Image::head(const Place& place, std::size_t length) const {
    const auto file = open(place.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    std::string bytes(length, '\0');
    const ssize_t got = file ? ::read(file->get(), bytes.data(), bytes.size()) : 0;
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return bytes;
}

bool is_below(std::string_view path, std::string_view folder) {
    while (folder.size() > 1 && folder.ends_with('/')) {
        folder.remove_suffix(1);
    }
    return folder == "/" || (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'));
}

bool lets(const struct stat& status, const Plan& plan, unsigned rwx) {
    const Identity& who = *plan.identity;
    const bool executes = (rwx & 1) != 0 && S_ISREG(status.st_mode);
    const auto kept = [&plan](unsigned capability) { return (plan.kept_capabilities >> capability & 1) != 0; };
    if (!executes && (kept(CAP_DAC_OVERRIDE) || (kept(CAP_DAC_READ_SEARCH) && (rwx & 2) == 0))) {
        return true;
    }
    const bool of_group = status.st_gid == who.gid || std::ranges::contains(plan.groups.ids, status.st_gid);
    const unsigned shift = status.st_uid == who.uid ? 6 : of_group ? 3 : 0;
    return (status.st_mode >> shift & rwx) == rwx;
}

std::string closed_folder(const Image& image, const Plan& plan, const std::string& path) {
    for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
        const auto folder = image.find(path.substr(0, end));
        if (!folder) {
            return {}; // made later: by the start, or a mount
        }
        if (!lets(folder->status, plan, 1)) {
            return folder->path;
        }
    }
    return {};
}

} // namespace stepdown::commands
