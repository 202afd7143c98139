#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervise/terminal.hpp"

namespace stepdown::supervise {

int controlling_terminal(bool error_is_terminal) noexcept {
    const int last = error_is_terminal ? STDERR_FILENO : STDOUT_FILENO;
    for (int fd = STDIN_FILENO; fd <= last; ++fd) {
        if (::tcgetpgrp(fd) >= 0) {
            return fd;
        }
    }
    return -1;
}

int owned_terminal(int terminal) noexcept {
    return terminal >= 0 && ::tcgetpgrp(terminal) == ::getpgrp() ? terminal : -1;
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

LentTerminal::LentTerminal(int terminal, pid_t app) noexcept
    : terminal_(terminal), app_(app), own_group_(::getpgrp()), leads_session_(::getsid(0) == ::getpid()),
      is_first_group_(::getsid(0) == own_group_) {}

LentTerminal::~LentTerminal() {
    if (terminal_ < 0 || leads_session_) {
        return;
    }
    const pid_t group = ::tcgetpgrp(terminal_);
    if (group == app_ || (group > 1 && ::kill(-group, 0) < 0 && errno == ESRCH)) {
        ::tcsetpgrp(terminal_, own_group_);
    }
}

bool LentTerminal::lend_again() const noexcept {
    return ::tcgetpgrp(terminal_) == own_group_ && ::tcsetpgrp(terminal_, app_) == 0;
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
