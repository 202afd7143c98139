#pragma once

#include <vector>

#include "cli/words.hpp"
#include "commands/start.hpp"
#include "confine/landlock.hpp"
#include "stepdown/report.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// The Landlock rules of a Plan as its start makes them, and what they leave open of --rootfs=ro.
struct Reach {
    confine::Ruleset rules;
    std::vector<std::string> state;
};
Result<Reach> reach_of(sys::Kernel& kernel, const Plan& plan);

// Gives a child exactly the state that the start gives its app, judges it from outside by the kernel's account, and has
// it try from inside what an app must not be able to do: the attempts, what the Landlock rules refuse, and every call
// that the filter, evaluated, refuses, with arguments that make it fail should the filter let it through. The caller
// keeps its own state.
std::vector<Finding> probe(sys::Kernel& kernel, const Start& start, const Reach& reach);

// The same with what the running start was told, from its receipt: `verify --probe`.
std::vector<Finding> probe_running(sys::Kernel& kernel, const cli::Parsed& parsed, const cli::Words& words);

// The one finding where the probe could not be made.
std::vector<Finding> probe_trouble(std::string observed);

} // namespace stepdown::commands
