#pragma once

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::plan {

// Judges a Plan whose identity has been resolved, whoever made it, and appends what is allowed but unwise to
// plan.warnings. Errors: ExitCode::kUsage. Says nothing of the process it runs in: that is wanted.hpp.
Result<> check(Plan& plan);

// uid 0 or gid 0 named and not allowed. A part of check(), for whoever must be sure again.
Result<> refuse_root(const Plan& plan);

} // namespace stepdown::plan
