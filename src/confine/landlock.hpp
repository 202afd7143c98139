#pragma once

#include <span>
#include <string>
#include <vector>

#include "stepdown/confinement.hpp"
#include "stepdown/error.hpp"
#include "sys/kernel.hpp"

namespace stepdown::confine {

// A ruleset with everything granted that was asked for, ready for landlock_restrict().
struct Ruleset {
    sys::Fd fd;       // none: nothing was asked for, or the kernel has no Landlock
    unsigned abi = 0; // of the kernel; 0: no Landlock
    std::vector<std::string> warnings;
};

// Opens every path, so it is called while root still may, after the setup that makes some of them, and before the step
// down. state are the directories that the app may write to under Landlock::read_only_root. Errors are kUsage for a
// path that cannot be granted, and kConfine for a kernel that cannot do what is required.
Result<Ruleset> make_ruleset(sys::Kernel& kernel, const Landlock& asked, std::span<const std::string> state);

} // namespace stepdown::confine
