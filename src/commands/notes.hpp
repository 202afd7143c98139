#pragma once

#include "commands/log.hpp"
#include "supervise/note.hpp"

namespace stepdown::commands {

// What PID 1 does, as log lines: failures and orphans at level warn, the rest at debug. log must outlive the watch.
supervise::Listener notes_to(const Log& log);

} // namespace stepdown::commands
