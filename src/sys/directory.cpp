#include "sys/directory.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <sys/syscall.h>
#include <unistd.h>

namespace stepdown::sys {

std::optional<Directory::Entry> Directory::next() noexcept {
    for (;;) {
        if (at_ == end_) {
            const long bytes = ::syscall(SYS_getdents64, fd_.get(), buffer_, sizeof buffer_);
            error_ = bytes < 0 ? errno : 0;
            if (bytes <= 0) {
                return std::nullopt;
            }
            at_ = 0;
            end_ = static_cast<std::size_t>(bytes);
        }
        const char* const record = buffer_ + at_; // a struct linux_dirent64, which dirent is on 64-bit machines
        unsigned short length = 0;
        std::memcpy(&length, record + offsetof(dirent, d_reclen), sizeof length);
        at_ += length;
        const char* const name = record + offsetof(dirent, d_name);
        if (std::string_view(name) != "." && std::string_view(name) != "..") {
            return Entry{.name = name, .type = static_cast<unsigned char>(record[offsetof(dirent, d_type)])};
        }
    }
}

} // namespace stepdown::sys
