#pragma once

#include <sys/types.h>

#include "stepdown/facts.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// The kernel's account of a process: its open status file, or, in a container without /proc, what system calls say of
// the caller. Opened before any filter can forbid it, read when it is wanted. What only a process itself can ask is the
// caller's: a child's credentials are a copy of it, clone(2).
struct Account {
    sys::Fd status;
    Facts by_calls;
};

Account open_account(sys::Kernel& kernel, pid_t pid); // 0: the caller's own

// Fails only where there is a status file that cannot be read.
sys::Sys<Facts> read_account(sys::Kernel& kernel, const Account& account);

} // namespace stepdown::commands
