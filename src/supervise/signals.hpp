#pragma once

#include <cstdint>

namespace stepdown::supervise {

// What PID 1 was given at its start and the app must find again: signal(7) dispositions other than SIGCHLD's are never
// touched.
struct SignalState {
    std::uint64_t mask; // bit n-1 is signal n, as rt_sigprocmask(2) has it
    bool child_ignored; // SIGCHLD was SIG_IGN: with that wait(2) would hang until all children are gone
};

// First thing at the start, before any option is read: from here on no signal is lost and none can end PID 1.
// Blocks every signal, those included that a C library keeps for itself (32 to 34), and sets SIGCHLD to its default.
SignalState take_signals() noexcept;

// For a command that only tells something: Ctrl-C and kill(1) end it, as any other. Not SIGPIPE, since a write that
// fails is told by its error.
void let_signals_end(const SignalState& given) noexcept;

// In the child, last thing before execve(2). Async-signal-safe.
void give_signals_back(const SignalState& given) noexcept;

} // namespace stepdown::supervise
