#pragma once

namespace stepdown::supervise {

// True if standard input, output or error is this session's terminal and the caller's process group is in its foreground: only
// then may the app be given it (a stepdown started with & in an interactive shell must not steal the terminal). terminal is the
// descriptor.
bool owns_terminal(int& terminal) noexcept;

// In the child: a process group of its own and, if PID 1 owned the terminal (descriptor, or -1), its foreground. With every
// signal blocked, so that tcsetpgrp(3) cannot stop the caller with SIGTTOU. Async-signal-safe.
void lead_process_group(int terminal) noexcept;

} // namespace stepdown::supervise
