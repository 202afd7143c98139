#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::plan {

// tmpfiles.d(5) as systemd 252 reads it, for the types of SetupKind. A container's start is a boot, so lines with "!"
// count; nothing is cleaned by age, so the sixth field is checked and has no effect.
//
// One line. Empty for a blank line or a comment. where ("--setup", "FILE:LINE") begins an error's line and becomes the
// step's origin. Specifiers are not replaced yet, names not looked up. Errors: ExitCode::kUsage.
Result<std::optional<SetupStep>> parse_setup_line(std::string_view line, std::string_view where);

// All of a file. where is its path.
Result<std::vector<SetupStep>> parse_setup_file(std::string_view text, std::string_view where);

// The lines of files in the order in which systemd-tmpfiles --remove --create carries them out: removals; then what is
// made by a plain path, what is above before what is below; then what works on patterns. A second line that wants
// something else of a path that has an owner already is left out.
std::vector<SetupStep> in_order_of_work(std::vector<SetupStep> steps);

// What the % specifiers of tmpfiles.d(5) stand for here.
struct Specifiers {
    std::string (*value_of)(const void* context, char letter); // asked for known letters only
    const void* context;
};

// Replaces the specifiers in path, user, group and argument, completes what a line leaves to be understood, and looks
// the names up. Errors: ExitCode::kUsage.
Result<> resolve_setup_step(SetupStep& step, const Specifiers& specifiers, std::string_view passwd,
                            std::string_view group);

// A step as a line of tmpfiles.d(5), for `stepdown plan`; app stands for the owner of a shorthand, "10001 10001".
std::string setup_line(const SetupStep& step, std::string_view app);

} // namespace stepdown::plan
