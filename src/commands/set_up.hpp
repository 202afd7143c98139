#pragma once

#include "commands/start.hpp"

namespace stepdown::commands {

// The work that only root can do, each kind done if it was asked for. What the user allowed to be skipped is said,
// never silent. Leaves the sockets in start. Errors: ExitCode::kSetup.
Result<> set_up(sys::Kernel& kernel, Start& start, const Log& log);

} // namespace stepdown::commands
