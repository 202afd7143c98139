#pragma once

#include <optional>

#include <sys/types.h>

#include "sys/fd.hpp"

namespace stepdown::supervise {

// The descriptor (0, 1 or 2) of this session's terminal, or -1. error_is_terminal: whether 2 is one at all, which
// open_own_error() knows.
int controlling_terminal(bool error_is_terminal) noexcept;

// The same descriptor if the caller's process group is in its foreground, else -1: only then may the app be given it. A
// stepdown started with & in an interactive shell must not steal the terminal.
int owned_terminal(int terminal) noexcept;

// Standard error opened once more, if it is a terminal or a pipe, never to wait for: output may be held back (Ctrl-S),
// nobody read the other side, or the app take the last room. O_NONBLOCK on the descriptor that is there would be the
// app's too, which shares what it refers to. While still root.
struct OwnError {
    sys::Fd fd; // none: a terminal that is somebody else's, and not this session's
    bool is_terminal = false;
};
std::optional<OwnError> open_own_error() noexcept; // nothing: neither, or a pipe that cannot be opened again

// The terminal that the app's process group has the foreground of, or may come to have. Nothing of it blocks where
// every signal is blocked, so that tcsetpgrp(3) cannot stop the caller with SIGTTOU; none of it asks for a right that
// PID 1's filter does not leave.
class LentTerminal {
  public:
    // Before the filter. terminal: a descriptor or -1; app: the group's leader.
    LentTerminal(int terminal, pid_t app) noexcept;
    LentTerminal(const LentTerminal&) = delete;
    LentTerminal& operator=(const LentTerminal&) = delete;
    // Gives the foreground back to the group that had it, for who goes on there. Not where that is another's by now, a
    // shell's that has it for itself, nor where the session ends with this process.
    ~LentTerminal();

    explicit operator bool() const noexcept { return terminal_ >= 0; }

    // Nobody above this process could continue what the terminal stops: its group is the session's first, as PID 1's
    // under docker run -t. setpgid(2) has it as orphaned, and the kernel would not let SIGTSTP stop a process of it.
    bool is_first_group() const noexcept { return is_first_group_; }

    // Who continued this process may have given it the foreground, which the app is to have: true, and it has it.
    bool lend_again() const noexcept;

  private:
    int terminal_;
    pid_t app_;
    pid_t own_group_;
    bool leads_session_;
    bool is_first_group_;
};

// In the child: a process group of its own and, if PID 1 owned the terminal (descriptor, or -1), its foreground. With
// every signal blocked, so that tcsetpgrp(3) cannot stop the caller with SIGTTOU. new_session: a session of its own as
// well, if there is no terminal to be given. Async-signal-safe.
void lead_process_group(int terminal, bool new_session) noexcept;

} // namespace stepdown::supervise
