#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervise/terminal.hpp"

namespace stepdown::supervise {

int owned_terminal(bool error_is_terminal) noexcept {
    const pid_t own_group = ::getpgrp();
    const int last = error_is_terminal ? STDERR_FILENO : STDOUT_FILENO;
    for (int fd = STDIN_FILENO; fd <= last; ++fd) {
        if (::tcgetpgrp(fd) == own_group) {
            return fd;
        }
    }
    return -1;
}

std::optional<OwnError> open_own_error() noexcept {
    struct stat error{};
    if (::fstat(STDERR_FILENO, &error) < 0) {
        return std::nullopt;
    }
    const bool is_terminal = S_ISCHR(error.st_mode) && ::isatty(STDERR_FILENO) != 0;
    if (!is_terminal && !S_ISFIFO(error.st_mode)) {
        return std::nullopt;
    }
    constexpr int kFlags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    sys::Fd own(::open("/proc/self/fd/2", kFlags));
    if (!own && !is_terminal) {
        return std::nullopt;
    }
    if (!own && ::tcgetpgrp(STDERR_FILENO) >= 0) { // this session's, which needs no right to it: as after su(1)
        own = sys::Fd(::open("/dev/tty", kFlags));
    }
    return OwnError{std::move(own), is_terminal};
}

void lead_process_group(int terminal, bool new_session) noexcept {
    if (terminal < 0 && new_session) {
        ::setsid();
        return;
    }
    ::setpgid(0, 0);
    if (terminal >= 0) {
        ::tcsetpgrp(terminal, ::getpgrp());
    }
}

} // namespace stepdown::supervise
