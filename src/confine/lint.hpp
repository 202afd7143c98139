#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linux/filter.h>

#include "confine/profile.hpp"

namespace stepdown::confine {

// Something in a profile that its author probably did not mean. The id stays the same from version to version.
struct Finding {
    std::string id;
    std::string place; // "syscalls[3]"
    std::string line;

    bool operator==(const Finding&) const = default;
};

// The finding ids, with what each says: "conflict", "shadowed", …
struct FindingKind {
    std::string_view id;
    std::string_view meaning;
};
std::vector<FindingKind> finding_kinds();

// First about the rules, in the order of the profile; then about what the program answers as a whole. profile is null
// for a compiled filter, of which only the latter can be said.
std::vector<Finding> lint(const Profile* profile, std::span<const sock_filter> program, Architecture native);

} // namespace stepdown::confine
