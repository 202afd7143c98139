#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "confine/answers.hpp"
#include "confine/profile.hpp"

namespace stepdown::confine {

// The rules about a call of the machine's own architecture, in the order in which they are tried.
std::vector<const Rule*> rules_about(const Profile& profile, std::string_view name);

// The rule that decides about a call with these arguments; nullptr: none does, the default counts. Nothing when that
// depends on an argument that is not given.
std::optional<const Rule*> deciding_rule(const Profile& profile, std::string_view name, const Arguments& arguments);

} // namespace stepdown::confine
