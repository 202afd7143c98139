#pragma once

#include <vector>

#include "cli/words.hpp"
#include "commands/log.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// What the running start was told, from its receipt; nothing where there is none. As root, a receipt that the app could
// have written decides nothing: it would choose its own user.
std::vector<Setting> settings_of_start(sys::Kernel& kernel, const Plan& plan, const Log& log);

} // namespace stepdown::commands
