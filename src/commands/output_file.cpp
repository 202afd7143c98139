#include "commands/output_file.hpp"

#include <cerrno>
#include <climits>
#include <expected>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/write.hpp"

namespace stepdown::commands {
namespace {

bool is_same(const struct stat& one, const struct stat& other) {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// A descriptor to write to where there is no file to replace; empty: path is a regular file's, or nobody's yet.
sys::Sys<sys::Fd> open_stream(const std::string& path) {
    struct stat there{};
    struct stat standard{};
    const bool named = path == "-";
    const bool exists = !named && ::stat(path.c_str(), &there) == 0;
    if (!named && (!exists || S_ISREG(there.st_mode))) {
        const bool is_output = exists && ::fstat(STDOUT_FILENO, &standard) == 0 && is_same(there, standard);
        return sys::Fd(is_output ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : -1);
    }
    sys::Fd out(named ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                      : ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    return out ? sys::Sys<sys::Fd>(std::move(out)) : std::unexpected(errno);
}

// What a link names, also where that is not there yet.
std::string followed(std::string path) {
    constexpr int kMostLinks = 40; // path_resolution(7)
    char target[PATH_MAX];
    for (int links = 0; links < kMostLinks; ++links) {
        const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
        if (length <= 0) {
            break;
        }
        const std::string_view named(target, static_cast<std::size_t>(length));
        path.resize(named.starts_with('/') ? 0 : path.rfind('/') + 1);
        path.append(named);
    }
    return path;
}

// A collector reads at any time. The name in between has no suffix that one would look for.
sys::Sys<> replace_file(const std::string& path, std::string_view text) {
    const std::size_t slash = path.rfind('/') + 1;
    const std::string beside = fmt::format("{}.{}.{}", path.substr(0, slash), path.substr(slash), ::getpid());
    const sys::Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file) {
        return std::unexpected(errno);
    }
    sys::Sys<> written = sys::write_whole(file.get(), text);
    if (written && ::rename(beside.c_str(), path.c_str()) != 0) {
        written = std::unexpected(errno);
    }
    if (!written) {
        ::unlink(beside.c_str());
    }
    return written;
}

} // namespace

bool is_link_of_others(const std::string& path) {
    struct stat status = {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode) && status.st_uid != 0 &&
           status.st_uid != ::geteuid();
}

sys::Sys<> write_output(const std::string& path, std::string_view text) {
    if (is_link_of_others(path)) {
        return std::unexpected(ELOOP);
    }
    const sys::Sys<sys::Fd> stream = open_stream(path);
    if (!stream) {
        return std::unexpected(stream.error());
    }
    return *stream ? sys::write_whole(stream->get(), text) : replace_file(followed(path), text);
}

sys::Sys<> rewrite(const sys::Fd& file, std::string_view text) {
    if (const auto written = sys::write_whole(file.get(), text); !written) {
        return written;
    }
    const bool cut = ::ftruncate(file.get(), static_cast<off_t>(text.size())) == 0 || errno == EINVAL;
    return cut ? sys::Sys<>() : std::unexpected(errno);
}

} // namespace stepdown::commands
