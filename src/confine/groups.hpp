#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepdown::confine {

// Calls that belong together, and what a program wants with them. In the sources of the built-in profiles and in
// --seccomp-allow and --seccomp-deny "@name" stands for all of them. The first groups do not overlap; the others are
// views of these.
struct Group {
    std::string_view name;
    std::string_view purpose; // completes "to …"
    std::string_view calls;   // names, each but the last followed by a blank
};

std::span<const Group> groups();

// By name, without the "@"; null when there is none.
const Group* find_group(std::string_view name);

// The first group with that call; null when it is in none.
const Group* group_of(std::string_view call);

std::vector<std::string> calls_of(const Group& group);

} // namespace stepdown::confine
