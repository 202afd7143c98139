#pragma once

#include <string>
#include <vector>

#include "commands/launch.hpp"
#include "commands/start.hpp"
#include "supervise/readiness.hpp"

namespace stepdown::commands {

// As root: the file in which PID 1 will say whether the app is ready, the app's own, so that PID 1 may write to it as
// who the app is. Its path; empty if the Plan does not ask.
Result<std::string> leave_ready_file(sys::Kernel& kernel, const Start& start);

// What the app has to know for its own account of itself: NOTIFY_SOCKET and WATCHDOG_USEC, in place of those of whoever
// started us. texts holds them.
void add_variables(Program& program, const supervise::Accounts& accounts, const Supervision& asked,
                   std::vector<std::string>& texts);

} // namespace stepdown::commands
