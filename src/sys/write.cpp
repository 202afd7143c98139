#include <cerrno>

#include <unistd.h>

#include "sys/write.hpp"

namespace stepdown::sys {

Sys<> write_whole(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return std::unexpected(count < 0 ? errno : ENOSPC);
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

} // namespace stepdown::sys
