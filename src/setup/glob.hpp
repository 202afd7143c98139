#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "setup/job.hpp"
#include "setup/place.hpp"

namespace stepdown::setup {

// Calls act for everything that the step's path matches as a glob(7) pattern with {a,b} braces, in the order of the
// names; for a plain path once if it exists. Directories on the way are entered as everywhere here: no link is
// followed.
using OnMatch = Result<> (*)(Job& job, const SetupStep& step, const Place& place);
Result<> for_each_match(Job& job, const SetupStep& step, OnMatch act);

// "a{b,c}d" as {"abd", "acd"}, nested ones too; a brace without a partner or a comma stays as it is.
std::vector<std::string> expand_braces(std::string_view pattern);

} // namespace stepdown::setup
