#pragma once

#include <span>
#include <string>

#include "stepdown/plan.hpp"
#include "stepdown/plan_step.hpp"

namespace stepdown::render {

// The same as plan_text for programs: one object, its keys in a fixed order, a newline at the end.
std::string plan_json(const Plan& plan, std::span<const PlanStep> steps, std::span<const Setting> options);

} // namespace stepdown::render
