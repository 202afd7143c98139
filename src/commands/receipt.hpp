#pragma once

#include "commands/log.hpp"
#include "commands/start.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// Leaves the receipt that `verify` and `exec` read, while the process may still write as root. A place that cannot be
// written is no reason not to start unless the user named it: verify then says unknown, and the log says why at level
// info.
Result<> leave_receipt(sys::Kernel& kernel, Start& start, const Log& log);

} // namespace stepdown::commands
