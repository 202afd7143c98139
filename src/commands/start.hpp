#pragma once

#include <optional>
#include <string_view>

#include "cli/parsed.hpp"
#include "commands/emulation.hpp"
#include "commands/launch.hpp"
#include "commands/log.hpp"
#include "confine/load.hpp"
#include "plan/environment.hpp"
#include "stepdown/error.hpp"
#include "stepdown/facts.hpp"
#include "stepdown/plan.hpp"
#include "supervise/terminal.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// A file that only root could open, for PID 1 to write to when it is root no more.
struct OpenFile {
    std::string path;
    sys::Fd fd;
};

// All that a start needs, decided before it changes anything: from here on only the kernel can say no.
struct Start {
    Plan plan;
    Facts before;           // of this process
    Facts wanted;           // of the app, filter included
    confine::Filter filter; // the app's
    RootEmulation emulation;
    std::vector<sock_filter> heard = {}; // both filters in one, where PID 1 hears of calls; empty: each by itself
    plan::Environment environment;
    Program program;
    std::vector<sys::Fd> sockets = {}; // as opened by set_up(), until the drop puts them in their places
    std::vector<int> handed_over = {}; // descriptors above 2 that the app gets
    sys::Fd rules = {};                // Landlock's; none: not asked for, or the kernel cannot
    OpenFile denials = {};             // where PID 1 writes what was denied; none: not asked for, or no receipt
    OpenFile recorded = {};            // where record writes the profile
    std::optional<supervise::OwnError> own_error = {}; // PID 1's, open_own_error()
    std::string ready_file;                            // commands/readiness.hpp; empty: none was asked for
};

// The filter that the app starts under; off where nothing is given up. Adds to the Plan's warnings.
Result<confine::Filter> filter_of(sys::Kernel& kernel, Plan& plan);

// Plan → Start: who the app is, whether that is allowed and can be reached from here, which filter, which program.
[[gnu::noinline]] Result<Start> prepare(sys::Kernel& kernel, const Plan& asked);

// What the setup names: the app's state, which Landlock::read_only_root leaves open.
std::vector<std::string> setup_paths(const Plan& plan);

// Makes Landlock's rules for the app, while root still may open every path; none if they are not asked for or the
// kernel cannot. What it cannot do is told.
Result<> make_rules(sys::Kernel& kernel, const Plan& plan, sys::Fd& rules, const Log& log);

// The drop with all that surrounds it: what only root may give the app before, the directory it starts in after. The
// rules and PID 1's files stay open, above the app's descriptors.
Result<> step_down(sys::Kernel& kernel, Start& start);

// The app's side of a launch, without PID 1's. Borrows from start, and takes its rules.
Launch launch_of(Start& start, const supervise::SignalState& given);

// The filter that PID 1 puts on itself.
confine::BuiltIn own_filter_of(const Start& start);

// The lines of plan.setup_files, in front of plan.setup, and what the lines of both leave to be looked up: specifiers,
// names. passwd and group are read when a line needs them. Errors: ExitCode::kUsage.
class AccountFiles;
Result<> resolve_setup(sys::Kernel& kernel, Plan& plan, AccountFiles& files);

// plan.user_spec → plan.identity, and the checks that need no privilege: what `plan --check` does at image build.
Result<> resolve(sys::Kernel& kernel, Plan& plan);

// This process's own facts, from /proc or, without it, by system calls.
Facts observe_self(sys::Kernel& kernel);

// Where the value of an option was written; a default if nowhere.
Source source_of(const Plan& plan, std::string_view option);

} // namespace stepdown::commands
