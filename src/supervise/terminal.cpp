#include <unistd.h>

#include "supervise/terminal.hpp"

namespace stepdown::supervise {

int owned_terminal() noexcept {
    const pid_t own_group = ::getpgrp();
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::tcgetpgrp(fd) == own_group) {
            return fd;
        }
    }
    return -1;
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
