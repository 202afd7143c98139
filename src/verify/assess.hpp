#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "stepdown/policy.hpp"
#include "stepdown/report.hpp"
#include "sys/kernel.hpp"

namespace stepdown::verify {

struct Question {
    std::string proc = "/proc";       // a mounted proc(5)
    std::string receipt = "auto";     // where; "off": judge against the floor alone
    std::optional<pid_t> pid;         // only this process, and judged whatever its descent; empty: the whole tree
    std::optional<Policy> policy;     // its floor in place of the receipt's
    std::string today;                // "2027-01-31", UTC: which waivers hold
    bool surroundings = false;        // look at mounts, devices and descriptors too
    bool files = false;               // and for files that give privileges
    Severity least = Severity::kInfo; // what will count; rows that cannot are left out
};

// Judges the running tree against the receipt and the floor. Never fails: what cannot be read is a finding.
Report assess(sys::Kernel& kernel, const Question& question);

// Judges a text in the format of proc_pid_status(5), from wherever it comes, against the policy or the floor.
Report assess_status(std::string_view text, const Question& question);

// Judges every container of the node whose proc(5) is at question.proc: told apart by PID namespace and cgroup, each
// against the receipt that its own root directory holds. A member a container, in the order of their first processes.
Report assess_node(sys::Kernel& kernel, const Question& question);

// Somebody answers for a finding until a day that has not passed: kSkipped, with the reason. The functions above have
// done that.
void apply_waivers(std::vector<Finding>& findings, const std::optional<Policy>& policy, const std::string& today);

// The ids that a waiver may name, in the order of docs/verify.md.
std::vector<std::string_view> check_ids();

} // namespace stepdown::verify
