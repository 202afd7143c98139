#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "stepdown/error.hpp"
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

// A name that a shell can use: letters, digits and _, no digit first.
bool is_variable_name(std::string_view name);

// An --env-file, as Docker reads one: NAME=VALUE a line, the value to the end of the line as it is, or NAME alone,
// without a value here: the start's own counts. A name is anything without blanks. Blank lines, lines that begin with #
// and a byte order mark are passed over. where names it in errors, of which no line shows a value. Errors:
// ExitCode::kUsage.
Result<std::vector<Variable>> read_variables(std::string_view text, std::string_view where);

// HOME, USER, LOGNAME and SHELL are the new user's, in place of all the old entries of these names; the rest is kept in
// its order. Without an identity all is kept. A user without a name has its number for one. old ends with a null and
// must outlive the result.
Environment app_environment(const char* const* old, const std::optional<Identity>& identity);

// The same by rules: what is inherited of old, or with rules.clear only rules.keep of it; the user's four; then changes
// in their order, the later winning.
Environment app_environment(const char* const* old, const std::optional<Identity>& identity,
                            const EnvironmentRules& rules, std::span<const Variable> changes);

} // namespace stepdown::plan
