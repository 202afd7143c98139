#pragma once

#include <string>

#include "stepdown/plan.hpp"

namespace stepdown::plan {

// What of a resolved Plan changes what is true of the app, one "name\tvalue" a line in a fixed order. Its SHA-256 is
// the Plan's digest. Left out: the command, how stepdown logs and reports, where values came from, names (ids are what
// the kernel knows).
std::string canonical_text(const Plan& plan);

} // namespace stepdown::plan
