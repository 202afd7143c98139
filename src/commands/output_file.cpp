#include "commands/output_file.hpp"

#include <cerrno>
#include <expected>

#include <sys/stat.h>
#include <unistd.h>

#include "sys/write.hpp"

namespace stepdown::commands {

bool is_link_of_others(const std::string& path) {
    struct stat status = {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode) && status.st_uid != 0 &&
           status.st_uid != ::geteuid();
}

sys::Sys<> rewrite(const sys::Fd& file, std::string_view text) {
    if (const auto written = sys::write_whole(file.get(), text); !written) {
        return written;
    }
    const bool cut = ::ftruncate(file.get(), static_cast<off_t>(text.size())) == 0 || errno == EINVAL;
    return cut ? sys::Sys<>() : std::unexpected(errno);
}

} // namespace stepdown::commands
