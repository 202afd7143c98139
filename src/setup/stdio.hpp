#pragma once

#include <cstdint>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

// Gives descriptors 0, 1 and 2 to uid, so that the app can open /dev/stdin, /dev/stdout and /dev/stderr, which lead to
// the same pipe, terminal or file by /proc/self/fd and are root's 0600 otherwise. Pipes and terminals; a file only if
// it is open for writing and has no second name. The group stays: a terminal's is tty's. Devices and sockets are left
// alone: the first are everybody's or nobody's, the others cannot be opened at all. Errors: ExitCode::kSetup.
Result<> own_stdio(sys::Kernel& kernel, uid_t uid);

} // namespace stepdown::setup
