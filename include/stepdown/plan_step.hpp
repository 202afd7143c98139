#pragma once

#include <string>

namespace stepdown {

// One line of what a Plan will do: made by plan/, printed by render/.
struct PlanStep {
    std::string stage;  // "setup", "receipt", "drop", "confine", "verify", "start"
    std::string action; // what is done, on what
    std::string reason; // why, or why here; may be empty

    bool operator==(const PlanStep&) const = default;
};

} // namespace stepdown
