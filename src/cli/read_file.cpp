#include <algorithm>
#include <cerrno>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config_file.hpp"
#include "stepdown/sort.hpp"

namespace stepdown::cli {
namespace {

constexpr std::size_t kLargestFile = 1 << 20; // more is no configuration file

std::expected<std::string, int> read_all(int fd, std::size_t size_hint) {
    std::string text;
    std::size_t used = 0;
    while (used <= kLargestFile) {
        text.resize(std::max(used + 1, size_hint + 1)); // one more than is there, so that the end shows in one read
        const ssize_t got = ::read(fd, text.data() + used, text.size() - used);
        if (got < 0 && errno != EINTR) {
            return std::unexpected(errno);
        }
        if (got == 0) {
            text.resize(used);
            return text;
        }
        used += got < 0 ? 0 : static_cast<std::size_t>(got);
        size_hint = used < text.size() ? size_hint : used * 2;
    }
    return std::unexpected(EFBIG);
}

} // namespace

std::expected<FileText, int> read_file(const char* path) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); // a FIFO must not hold the start
    if (fd < 0) {
        return std::unexpected(errno);
    }
    struct stat status = {};
    std::expected<FileText, int> file = FileText{};
    if (::fstat(fd, &status) != 0) {
        file = std::unexpected(errno);
    } else {
        file->owner = status.st_uid;
        file->mode = status.st_mode;
        if (S_ISREG(status.st_mode)) {
            if (auto text = read_all(fd, std::min(kLargestFile, static_cast<std::size_t>(status.st_size))); text) {
                file->text = std::move(*text);
            } else {
                file = std::unexpected(text.error());
            }
        }
    }
    ::close(fd);
    return file;
}

std::expected<std::vector<std::string>, int> list_folder(const char* path) {
    DIR* folder = ::opendir(path);
    if (folder == nullptr) {
        return std::unexpected(errno);
    }
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(folder)) {
        const std::string_view name = entry->d_name;
        if (name.ends_with(".toml") && !name.starts_with('.')) {
            names.emplace_back(name);
        }
    }
    const int error = errno;
    ::closedir(folder);
    if (error != 0) {
        return std::unexpected(error);
    }
    sort_many(names);
    return names;
}

} // namespace stepdown::cli
