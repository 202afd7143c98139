#pragma once

#include <optional>
#include <vector>

#include "stepdown/plan.hpp"

namespace stepdown::plan {

// The app's environment, ready for execve(2): the entries point into the old environment and into text of its own.
struct Environment {
    std::vector<char> text;
    std::vector<const char*> entries; // ends with a null

    Environment() = default;
    Environment(Environment&&) = default; // moving a vector leaves its elements where they are
    Environment& operator=(Environment&&) = default;
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
};

// HOME, USER, LOGNAME and SHELL are the new user's, in place of all the old entries of these names; the rest is kept in
// its order. Without an identity all is kept. A user without a name has its number for one. old ends with a null and
// must outlive the result.
Environment app_environment(const char* const* old, const std::optional<Identity>& identity);

} // namespace stepdown::plan
