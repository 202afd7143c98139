#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "stepdown/plan.hpp"

namespace stepdown::cli {

enum class Command { kRun, kExec, kPlan, kVerify, kProfile };
enum class Show { kNothing, kHelp, kVersion };
enum class Format { kText, kJson };

// All that the words said. What is to be true is in plan; the rest is how a command reports and on what.
struct Parsed {
    Command command = Command::kRun;
    Show show = Show::kNothing; // kHelp, kVersion: print it and exit 0; nothing else here has been filled in
    Plan plan;

    Format format = Format::kText; // plan, verify
    bool check = false;            // plan: say nothing unless something is wrong
    bool quiet = false;            // verify: the exit status alone
    std::string output;            // profile compile: the file to write; empty: none named
    std::optional<pid_t> pid;      // verify: the root of the tree to judge; empty: PID 1
};

} // namespace stepdown::cli
