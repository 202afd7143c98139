#pragma once

#include <string>
#include <vector>

#include "stepdown/plan.hpp"
#include "stepdown/plan_step.hpp"

namespace stepdown::plan {

// What a start by this resolved Plan does, in order. What is already true when it starts is not done again: that is
// only known then.
std::vector<PlanStep> explain(const Plan& plan);

// As it was written: "tcp:[::1]:80", "unix:/run/db.sock".
std::string in_words(const WaitFor& target);

} // namespace stepdown::plan
