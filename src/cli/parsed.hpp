#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "stepdown/plan.hpp"
#include "stepdown/policy.hpp"
#include "stepdown/report.hpp"

namespace stepdown::cli {

enum class Command { kRun, kExec, kPlan, kVerify, kProfile, kInstall, kReady, kSelftest, kCheckImage, kRecord };
enum class Show { kNothing, kHelp, kVersion };

// How a report is made and where it goes: verify, selftest, check-image.
struct Reporting {
    std::string output;              // path; empty: standard output
    Severity least = Severity::kLow; // what does not count: findings below it
    bool report_only = false;        // exit 0 whatever was found
    bool quiet = false;              // the exit status alone
    bool probe = false;              // try from inside what the app could do
    bool files = false;              // look for files that give privileges
    bool self = false;               // judge this process
    bool by_container = false;       // judge every container of the node whose /proc is at proc
    std::string proc = "/proc";      // a mounted proc(5)
    std::string status;              // path of a /proc/PID/status text, or "-"; empty: none
    std::string policy;              // "restricted", "baseline" or a file; empty: none
    std::string root = "/";          // check-image: where the image's files are
    std::optional<pid_t> pid;        // the one process to judge; empty: PID 1 and all below it

    bool operator==(const Reporting&) const = default;
};

// All that the words said. What is to be true is in plan; the rest is how a command reports and on what.
struct Parsed {
    Command command = Command::kRun;
    Show show = Show::kNothing; // kHelp, kVersion: print it and exit 0; nothing else here has been filled in
    Plan plan;
    int failed_execution = 0;   // a front end's status when the app cannot be executed; 0: 126 and 127
    bool fails_as_tini = false; // likewise 126, 127 or, for another error, 1, and --exit-status counts for those
    bool text_by_shell = false; // what is no program is /bin/sh's, as execvp(3) of the GNU C library has it
    int failed_start = 0;       // and when nothing could be started at all; 0: the stage's own
    bool pause = false;         // no app at all: reap until asked to stop

    std::string format = "text"; // a word of --format
    std::string install_as;      // install: the front end's name; empty: chosen by the file's own
    bool check = false;          // plan: say nothing unless something is wrong
    bool merge = false;          // record: the words are recorded profiles, there is no app
    Reporting report;            // its output is also profile compile's and record's
};

} // namespace stepdown::cli
