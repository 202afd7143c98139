#pragma once

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// What the app inherits beside credentials: limits, nice value and such need root, and so come before the drop.
// Errors: ExitCode::kDrop.
Result<> give_process(sys::Kernel& kernel, const Process& asked);

// The directory the app starts in: entered after the drop, so that the app's rights decide. Errors: ExitCode::kDrop.
Result<> enter_directory(const Process& asked);

} // namespace stepdown::commands
