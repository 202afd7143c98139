#include <utility>

#include <unistd.h>

#include "commands/clock.hpp"
#include "commands/commands.hpp"
#include "commands/receipt.hpp"
#include "commands/start.hpp"
#include "confine/builtin.hpp"
#include "setup/setup.hpp"
#include "supervise/supervise.hpp"
#include "supervise/terminal.hpp"

namespace stepdown::commands {
namespace {

// The work that only root can do. What the user allowed to be skipped is said, never silent.
Result<> set_up(sys::Kernel& kernel, const Start& start, const Log& log) {
    if (start.plan.setup.empty()) {
        return {};
    }
    const Result<setup::Outcome> outcome =
        setup::run(kernel, start.plan.setup, start.wanted.uid->front(), start.wanted.gid->front(),
                   start.before.capabilities->effective, start.plan.setup_best_effort);
    if (!outcome) {
        return std::unexpected(outcome.error());
    }
    for (const std::string& line : outcome->skipped) {
        log.warn("skipped: " + line);
    }
    return {};
}

// Orphans must come to us to be reaped. PID 1 has them anyway; elsewhere the kernel is asked, and the user told.
void inherit_orphans(sys::Kernel& kernel, const Log& log) {
    if (::getpid() == 1) {
        return;
    }
    if (const auto set = kernel.set_subreaper(); set) {
        log.info("not PID 1: registered as the subreaper of the app's orphans");
    } else {
        log.warn(
            "neither PID 1 nor subreaper: orphans of the app will not be reaped here (prctl PR_SET_CHILD_SUBREAPER)");
    }
}

void tell(const supervise::Outcome& outcome, const Log& log) {
    if (outcome.grace_over) {
        log.warn("the app had not ended when --grace was over: killed");
    }
    if (outcome.core_dumped) {
        log.warn("the app dumped its core");
    }
    if (outcome.killed > 0) {
        log.warn("processes the app left behind and that were killed when --drain was over: " +
                 std::to_string(outcome.killed));
    }
    if (outcome.drained > 0) {
        log.info("processes the app left behind and that ended: " + std::to_string(outcome.drained));
    }
}

// The child confines itself while PID 1 gets ready to watch it.
int supervise_app(sys::Kernel& kernel, const Start& start, sys::Fd rules, const supervise::SignalState& given,
                  const Log& log, StageClock& clock) {
    Launch what = launch_of(start, std::move(rules), given);
    what.terminal = supervise::owned_terminal();
    const Result<pid_t> app = spawn(kernel, what);
    if (!app) {
        return log.failed(app.error());
    }
    inherit_orphans(kernel, log);
    Result<supervise::Watch> watch = supervise::Watch::open(start.plan.supervision);
    if (!watch) {
        return log.failed(watch.error());
    }
    std::optional<RootListener> root;
    if (what.listened) {
        root.emplace(kernel, log);
    }
    if (Result<> released = release(kernel, what, *app, confine::builtin(own_filter_of(start))); !released) {
        return log.failed(released.error());
    }
    clock.done("confine and verify", "released the app, pid " + std::to_string(*app));
    const supervise::Outcome outcome =
        watch->until_ended(*app, root ? root->work(std::move(what.listener)) : supervise::OtherWork());
    if (const std::optional<Error> refused = refused_by_kernel(what)) {
        return log.failed(*refused);
    }
    tell(outcome, log);
    return outcome.status;
}

} // namespace

// The start, a line a stage. Where each stands is the point: the Plan is complete before anything is touched; root's
// work and the receipt come while there still is root; the drop is done once, before the fork, so that PID 1 and the
// app share it.
int run(sys::Kernel& kernel, const cli::Parsed& parsed, const supervise::SignalState& given) {
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    StageClock clock(log);
    Result<Start> start = prepare(kernel, parsed.plan);
    if (!start) {
        return log.failed(start.error());
    }
    for (const std::string& warning : start->plan.warnings) {
        log.warn(warning);
    }
    clock.done("plan", "the app will be uid " + std::to_string(start->wanted.uid->front()));
    if (Result<> done = set_up(kernel, *start, log); !done) {
        return log.failed(done.error());
    }
    clock.done("setup", std::to_string(start->plan.setup.size()) + " steps");
    if (Result<> left = leave_receipt(kernel, *start, log); !left) {
        return log.failed(left.error());
    }
    clock.done("receipt", "done");
    Result<sys::Fd> rules = make_rules(kernel, start->plan, log);
    if (!rules) {
        return log.failed(rules.error());
    }
    if (Result<> dropped = step_down(kernel, *start, *rules); !dropped) {
        return log.failed(dropped.error());
    }
    clock.done("step down", "no privilege is left");
    return start->plan.init ? supervise_app(kernel, *start, std::move(*rules), given, log, clock)
                            : log.failed(become(kernel, launch_of(*start, std::move(*rules), given)));
}

} // namespace stepdown::commands
