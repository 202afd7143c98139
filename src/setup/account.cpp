#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/account.hpp"

namespace stepdown::setup {

Result<> add_account(sys::Kernel& kernel, std::string_view passwd_path, const Identity& identity) {
    const std::string path(passwd_path);
    const std::string what = fmt::format("--passwd-entry: cannot add {} to {}", identity.user_name, path);
    const auto file = kernel.open_at(AT_FDCWD, path.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    const auto now = file ? kernel.stat_at(file->get(), "") : std::unexpected(file.error());
    if (!now) {
        return call_failed(ExitCode::kSetup, what, "openat2", now.error(),
                           "it must be writable at the start: by root, or by group 0");
    }
    char last = '\n';
    if (now->st_size > 0 && ::pread(file->get(), &last, 1, now->st_size - 1) != 1) {
        return call_failed(ExitCode::kSetup, what, "pread", errno);
    }
    const std::string line = fmt::format("{}{}:x:{}:{}::{}:{}\n", last == '\n' ? "" : "\n", identity.user_name,
                                         identity.uid, identity.gid, identity.home, identity.shell);
    const ssize_t written = ::write(file->get(), line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
        return call_failed(ExitCode::kSetup, what, "write", written < 0 ? errno : ENOSPC);
    }
    return {};
}

} // namespace stepdown::setup
