#pragma once

#include <span>
#include <string>

#include "stepdown/plan.hpp"
#include "stepdown/plan_step.hpp"

namespace stepdown::render {

// A resolved Plan for people: who the app is, the steps in order, every option with its value and where that comes
// from, the warnings. steps are plan::explain's; options every option with its value, defaults included, in the order
// to be shown.
std::string plan_text(const Plan& plan, std::span<const PlanStep> steps, std::span<const Setting> options);

} // namespace stepdown::render
