#pragma once

#include <cstddef>

#include "commands/log.hpp"
#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::commands {

// Runs the commands and the directories' programs that are to run as root, one after the other, their output going
// where ours goes. One that fails, or is not done when its time is over, ends the start; so does a TERM, INT or QUIT
// that arrives meanwhile. Only programs that nobody but root can have written are run. Errors: ExitCode::kSetup.
Result<> run_before_drop(const Hooks& hooks, const Log& log);

// How the hooks that run as the app ended: all done, or which was the first that was not, and why.
struct HookEnd {
    enum class How { kDone, kNotRun, kStatus, kSignal, kLate, kStopped };

    How how = How::kDone;
    std::size_t hook = 0;
    int number = 0; // kNotRun: errno; kStatus, kSignal: which
};

// Runs these one after the other, each by a shell in a process of its own with all that the caller has: by the confined
// process that is to become the app, just before it does. A TERM, INT or QUIT ends them; signals must be blocked.
// Async-signal-safe: PID 1 shares the memory.
HookEnd run_before_start(const Hooks& hooks, char* const* environment) noexcept;

// Why the app was not started: ExitCode::kSetup.
Error explain(const HookEnd& end, const Hooks& hooks);

} // namespace stepdown::commands
