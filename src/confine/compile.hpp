#pragma once

#include <vector>

#include <linux/filter.h>

#include "confine/profile.hpp"
#include "stepdown/error.hpp"

namespace stepdown::confine {

// The classic BPF program, seccomp(2), that decides as the profile says. Numbers of equal fate are merged into ranges
// and found by a balanced tree, so a list of hundreds of calls becomes some tens of instructions, of which one call
// executes about eight. Names that an architecture does not have are skipped for it; the reader refuses those that no
// kernel has. Fails (kUsage) only when the program would exceed the kernel's BPF_MAXINSNS, 4096 instructions.
Result<std::vector<sock_filter>> compile(const Profile& profile);

} // namespace stepdown::confine
