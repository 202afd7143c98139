#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "stepdown/plan.hpp"

namespace stepdown::cli {

enum class Command { kRun, kExec, kPlan, kVerify, kProfile, kInstall, kReady };
enum class Show { kNothing, kHelp, kVersion };
enum class Format { kText, kJson };

// All that the words said. What is to be true is in plan; the rest is how a command reports and on what.
struct Parsed {
    Command command = Command::kRun;
    Show show = Show::kNothing; // kHelp, kVersion: print it and exit 0; nothing else here has been filled in
    Plan plan;
    int failed_execution = 0; // a front end's status when the app cannot be executed; 0: 126 and 127
    int failed_start = 0;     // and when nothing could be started at all; 0: the stage's own
    bool pause = false;       // no app at all: reap until asked to stop

    Format format = Format::kText; // plan, verify
    std::string install_as;        // install: the front end's name; empty: chosen by the file's own
    bool check = false;            // plan: say nothing unless something is wrong
    bool quiet = false;            // verify: the exit status alone
    std::string output;            // profile compile: the file to write; empty: none named
    std::optional<pid_t> pid;      // verify: the root of the tree to judge; empty: PID 1
};

} // namespace stepdown::cli
