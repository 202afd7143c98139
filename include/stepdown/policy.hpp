#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stepdown {

// What must hold whatever a receipt says. The default is what stepdown itself gives every app.
struct Floor {
    bool root_allowed = false;           // ids of 0
    bool root_group_allowed = false;     // gid 0
    bool named_allowed = false;          // groups and capabilities that the receipt names
    bool no_filter_allowed = false;      // seccomp off
    bool new_privileges_allowed = false; // no_new_privs off
    std::uint64_t capabilities = 0;      // allowed whether a receipt names them or not
    std::uint64_t bounding = 0;          // likewise, in the bounding set

    bool operator==(const Floor&) const = default;
};

// A finding that somebody answers for, until then. The days are calendar days, UTC, "2027-01-31": they sort as text.
struct Waiver {
    std::string check;
    std::string reason;
    std::string expires; // the last day it holds

    bool operator==(const Waiver&) const = default;
};

// What is held against containers that have no receipt, and besides it where there is one.
struct Policy {
    std::string name; // "restricted", "baseline", or the file's path
    Floor floor;
    std::vector<Waiver> waivers;

    bool operator==(const Policy&) const = default;
};

} // namespace stepdown
