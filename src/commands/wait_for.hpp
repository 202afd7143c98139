#pragma once

#include "commands/log.hpp"
#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::commands {

// Waits until every target answers: a port or socket that takes a connection, a file that is there. Runs after the
// drop, so what a name server answers is read without any privilege. A stop signal ends it. Errors: ExitCode::kSetup.
Result<> wait_for_all(const Plan& plan, const Log& log);

} // namespace stepdown::commands
