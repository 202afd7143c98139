#pragma once

#include <span>

#include "stepdown/error.hpp"
#include "stepdown/facts.hpp"
#include "sys/kernel.hpp"

namespace stepdown::drop {

// One row of the step down: it makes one difference between before and wanted go away, or does nothing when there is
// none.
struct Step {
    const char* name;
    const char* reason; // why it stands where it stands
    Result<> (*run)(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned kept);
};

// The rows in the order in which they run. The order is the security argument: capabilities(7), credentials(7),
// prctl(2).
std::span<const Step> order();

// The lowest descriptor that is not the app's.
inline constexpr int kFirstKept = 3;

// Runs every row. Irreversible, for the calling thread and all it starts. The first row that fails ends it, with
// ExitCode::kDrop; the process may be half dropped then and must not start the app. Every field of wanted must be set
// but the two of seccomp. kept is how many descriptors stay open, from 3 on: ours, closed at execve(2).
Result<> step_down(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned kept = 0);

} // namespace stepdown::drop
