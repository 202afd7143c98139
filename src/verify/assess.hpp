#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "stepdown/report.hpp"
#include "sys/kernel.hpp"

namespace stepdown::verify {

struct Question {
    std::string proc = "/proc";   // a mounted proc(5)
    std::string receipt = "auto"; // where; "off": judge against the floor alone
    std::optional<pid_t> pid;     // only this process, and judged whatever its descent; empty: the whole tree
};

// Judges the running tree against the receipt and the floor. Never fails: what cannot be read is a finding.
Report assess(sys::Kernel& kernel, const Question& question);

} // namespace stepdown::verify
