#pragma once

#include "commands/log.hpp"
#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// Runs the commands and the directories' programs that are to run as root, one after the other, their output going
// where ours goes. One that fails, or is not done when its time is over, ends the start; so does a TERM, INT or QUIT
// that arrives meanwhile. Only programs that nobody but root can have written are run. Errors: ExitCode::kSetup.
Result<> run_before_drop(sys::Kernel& kernel, const Hooks& hooks, const Log& log);

// The app's command with the hooks that run as the app in front of it, in its process and under its filter.
std::vector<std::string> with_before_start(const Hooks& hooks, std::vector<std::string> command);

} // namespace stepdown::commands
