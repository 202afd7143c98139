#pragma once

#include <optional>

#include "sys/fd.hpp"

namespace stepdown::supervise {

// The descriptor (0, 1 or 2) of this session's terminal if the caller's process group is in its foreground, else -1:
// only then may the app be given it. A stepdown started with & in an interactive shell must not steal the terminal.
// error_is_terminal: whether 2 is one at all, which open_own_error() knows.
int owned_terminal(bool error_is_terminal) noexcept;

// Standard error opened once more, if it is a terminal or a pipe, never to wait for: output may be held back (Ctrl-S),
// nobody read the other side, or the app take the last room. O_NONBLOCK on the descriptor that is there would be the
// app's too, which shares what it refers to. While still root.
struct OwnError {
    sys::Fd fd; // none: a terminal that is somebody else's, and not this session's
    bool is_terminal = false;
};
std::optional<OwnError> open_own_error() noexcept; // nothing: neither, or a pipe that cannot be opened again

// In the child: a process group of its own and, if PID 1 owned the terminal (descriptor, or -1), its foreground. With
// every signal blocked, so that tcsetpgrp(3) cannot stop the caller with SIGTTOU. new_session: a session of its own as
// well, if there is no terminal to be given. Async-signal-safe.
void lead_process_group(int terminal, bool new_session) noexcept;

} // namespace stepdown::supervise
