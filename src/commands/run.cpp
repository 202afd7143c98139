#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commands/clock.hpp"
#include "commands/commands.hpp"
#include "commands/handover.hpp"
#include "commands/hearing.hpp"
#include "commands/notes.hpp"
#include "commands/output_file.hpp"
#include "commands/process.hpp"
#include "commands/readiness.hpp"
#include "commands/receipt.hpp"
#include "commands/set_up.hpp"
#include "commands/start.hpp"
#include "commands/wait_for.hpp"
#include "confine/builtin.hpp"
#include "drop/drop.hpp"
#include "supervise/supervise.hpp"
#include "supervise/terminal.hpp"

namespace stepdown::commands {
namespace {

// Orphans must come to us to be reaped. PID 1 has them anyway; elsewhere the kernel is asked, and the user told.
void inherit_orphans(sys::Kernel& kernel, Subreaper asked, const Log& log) {
    const bool pid_1 = ::getpid() == 1;
    if (asked == Subreaper::kAlways || (asked == Subreaper::kAuto && !pid_1)) {
        if (kernel.set_subreaper()) {
            log.info("registered as the subreaper of the app's orphans");
            return;
        }
    }
    int already = 0;
    if (!pid_1 && (::prctl(PR_GET_CHILD_SUBREAPER, &already, 0, 0, 0) < 0 || already == 0)) {
        log.warn("neither PID 1 nor subreaper: zombie reaping won't work, the app's orphans do not come here");
    }
}

// What this process gets when the one that started it ends.
struct ParentsEnd {
    pid_t parent = ::getppid();
    int number = 0; // as the caller has set it; 0: nothing
};

ParentsEnd parents_end_now() {
    ParentsEnd given;
    ::prctl(PR_GET_PDEATHSIG, &given.number, 0, 0, 0);
    return given;
}

// Behind the last change of ids, which undoes it. A parent that has gone before tells nobody any more: the signal comes
// from here, as if from there.
Result<> follow_parent(sys::Kernel& kernel, const ParentsEnd& given, int asked) {
    const int number = asked != 0 ? asked : given.number;
    if (number == 0) {
        return {};
    }
    if (const auto set = kernel.set_parent_death_signal(number); !set) {
        return call_failed(ExitCode::kInternal, "cannot ask for a signal when the parent ends",
                           "prctl PR_SET_PDEATHSIG", set.error());
    }
    sigset_t pending;
    ::sigpending(&pending); // the caller's wish may have been heard before the ids changed
    if (::getppid() != given.parent && ::sigismember(&pending, number) == 0) {
        siginfo_t ended{};
        ended.si_signo = number;
        ended.si_code = SI_USER;
        ended.si_pid = given.parent;
        ::syscall(SYS_rt_sigqueueinfo, ::getpid(), number, &ended);
    }
    return {};
}

// Orphans that do not come here cannot be followed.
Result<> check_orphans_come(const Supervision& asked) {
    return !asked.forking || asked.subreaper != Subreaper::kNever || ::getpid() == 1
               ? Result<>()
               : fail(ExitCode::kUsage, "--forking: with --subreaper=no the app's orphans come here only where this is "
                                        "PID 1, and it is not: leave one out");
}

void tell(const supervise::Outcome& outcome, const Log& log) {
    if (outcome.grace_over) {
        log.warn("the app had not ended when --grace was over: killed");
    }
    if (outcome.daemon_lost) {
        log.warn("--forking: the app ended, and no process was found that it goes on as; name its --pidfile");
    }
    if (outcome.core_dumped) {
        log.warn("the app dumped its core");
    }
    if (outcome.killed > 0) {
        std::string line = "processes the app left behind and that were killed when --drain was over: " +
                           std::to_string(outcome.killed) + ", pid";
        for (std::size_t i = 0; i < std::min<std::size_t>(outcome.killed, outcome.killed_first.size()); ++i) {
            line.append(" ").append(std::to_string(outcome.killed_first[i]));
        }
        log.warn(outcome.killed > outcome.killed_first.size() ? line.append(" and others") : line);
    }
    if (outcome.rest_left) {
        log.warn(std::string("processes are left that SIGKILL did not end, another user's: ") +
                 (::getpid() == 1 ? "they end with the PID namespace" : "they go on"));
    }
    if (outcome.drained > 0) {
        log.info("processes the app left behind and that ended: " + std::to_string(outcome.drained));
    }
}

// There was no app whose status it could be; but a peer may have its own.
int status_of(const Refusal& refused, const cli::Parsed& parsed, const Log& log) {
    int status = log.failed(refused.error);
    if (refused.number == 0) {
        return status;
    }
    if (!parsed.fails_as_tini) {
        return parsed.failed_execution == 0 ? status : parsed.failed_execution;
    }
    status = refused.number == ENOENT || refused.number == EACCES ? status : 1;
    for (const StatusRewrite& rewrite : parsed.plan.supervision.exit_statuses) {
        if (rewrite.from == status) {
            return rewrite.to;
        }
    }
    return status;
}

// The child confines itself while PID 1 gets ready to watch it. Not inlined, nor is prepare(): what else a start has on
// the stack would stay there as long as the app runs.
[[gnu::noinline]] int supervise_app(sys::Kernel& kernel, Start& start, const supervise::SignalState& given,
                                    const Log& log, StageClock& clock, const cli::Parsed& parsed) {
    const Supervision& asked = start.plan.supervision;
    if (start.own_error) {
        log_to_own(start.own_error->fd.get());
    }
    Result<supervise::Accounts> accounts = supervise::Accounts::open(asked, start.ready_file);
    if (!accounts) {
        return log.failed(accounts.error());
    }
    std::vector<std::string> variables;
    add_variables(start.program, *accounts, asked, variables);
    Launch what = launch_of(start, given);
    const int controlling = supervise::controlling_terminal(start.own_error && start.own_error->is_terminal);
    what.terminal = supervise::owned_terminal(controlling);
    what.ready_from = accounts->app_end();
    what.ready_to = asked.ready.number;
    const Result<pid_t> app = spawn(kernel, what);
    if (!app) {
        return log.failed(app.error());
    }
    // A shell with job control may bring to the front what it has started in the background.
    const supervise::LentTerminal terminal(asked.job_control ? controlling : what.terminal, *app);
    accounts->close_app_end();
    inherit_orphans(kernel, asked.subreaper, log);
    std::optional<Hearing> hearing;
    if (what.heard) {
        hearing.emplace(kernel, start, log);
    }
    const supervise::Listener notes = notes_to(log);
    Result<supervise::Watch> watch = supervise::Watch::open(asked, *accounts, hearing ? hearing->listen(notes) : notes);
    if (!watch) {
        return log.failed(watch.error());
    }
    watch->at(terminal);
    std::unique_ptr<RootListener> root;
    if (what.listened) {
        root = std::make_unique<RootListener>(kernel, start.emulation.chosen, log,
                                              hearing ? hearing->before() : emulate::Before());
        what.root = root.get();
    }
    if (Result<> released = release(kernel, what, *app, confine::builtin(own_filter_of(start))); !released) {
        return log.failed(released.error());
    }
    clock.done("confine and verify", "released the app, pid " + std::to_string(*app));
    const supervise::Outcome outcome = watch->until_ended(*app, what.work);
    const std::optional<Refusal> refused = refused_by_kernel(what);
    const Result<> heard = hearing ? hearing->end(!refused) : Result<>();
    if (refused) {
        return status_of(*refused, parsed, log);
    }
    tell(outcome, log);
    return heard ? outcome.status : log.failed(heard.error());
}

// As whoever started it. A volume that the app can write to is a good place for it, so a link that is not root's or the
// caller's own is a trap there. What was recorded before stays until there is something to put in its place.
Result<> open_recorded(Start& start) {
    const std::string& path = start.plan.seccomp.record;
    if (path.empty()) {
        return {};
    }
    if (is_link_of_others(path)) {
        return fail(ExitCode::kUsage, "cannot write " + path + ": it is a symbolic link of another user's");
    }
    constexpr mode_t kReadable = 0644;
    start.recorded = {.path = path, .fd = sys::Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kReadable))};
    return start.recorded.fd ? Result<>() : call_failed(ExitCode::kUsage, "cannot write " + path, "open", errno);
}

Result<> give_root_up(sys::Kernel& kernel, Start& start, const Log& log, StageClock& clock) {
    if (Result<> opened = open_recorded(start); !opened) {
        return opened;
    }
    if (Result<> left = leave_receipt(kernel, start, log); !left) {
        return left;
    }
    clock.done("receipt", "done");
    if (Result<> made = make_rules(kernel, start.plan, start.rules, log); !made) {
        return made;
    }
    if (Result<> dropped = step_down(kernel, start); !dropped) {
        return dropped;
    }
    clock.done("step down", "no privilege is left");
    return {};
}

// What is asked of a process holds for one that keeps all it has as well.
Result<> stay(sys::Kernel& kernel, const Start& start) {
    const Process& asked = start.plan.process;
    Result<> done = give_process(kernel, asked);
    done = done ? drop::change_ids(kernel, start.before, start.wanted) : done;
    return done ? enter_directory(asked) : done;
}

} // namespace

// The start, a line a stage. Where each stands is the point: the Plan is complete before anything is touched; root's
// work and the receipt come while there still is root; the drop is done once, before the fork, so that PID 1 and the
// app share it.
int run(sys::Kernel& kernel, const cli::Parsed& parsed, const supervise::SignalState& given) {
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    StageClock clock(log);
    const ParentsEnd parents_end = parents_end_now();
    if (Result<> come = check_orphans_come(parsed.plan.supervision); !come) {
        return log.failed(come.error());
    }
    Result<Start> start = prepare(kernel, parsed.plan);
    if (!start) {
        return log.failed(start.error());
    }
    if (Result<> kept = check_kept_descriptors(start->plan); !kept) {
        return log.failed(kept.error());
    }
    if (parsed.text_by_shell) {
        run_text_by_shell(start->program);
    }
    for (const std::string& warning : start->plan.warnings) {
        log.warn(warning);
    }
    clock.done("plan", "the app will be uid " + std::to_string(start->wanted.uid->front()));
    if (Result<> done = set_up(kernel, *start, log); !done) {
        return log.failed(done.error());
    }
    clock.done("setup", std::to_string(start->plan.setup.size()) + " steps");
    Result<std::string> ready_file = leave_ready_file(kernel, *start);
    if (!ready_file) {
        return log.failed(ready_file.error());
    }
    start->ready_file = std::move(*ready_file);
    if (start->plan.init) {
        start->own_error = supervise::open_own_error();
    }
    if (start->plan.as_is) {
        log.info("nothing is given up: no user was named, or root; the app gets what this process has");
        if (Result<> changed = stay(kernel, *start); !changed) {
            return log.failed(changed.error());
        }
    } else if (Result<> down = give_root_up(kernel, *start, log, clock); !down) {
        return log.failed(down.error());
    }
    const int parent_death_signal = start->plan.init ? start->plan.supervision.parent_death_signal : 0;
    if (Result<> follows = follow_parent(kernel, parents_end, parent_death_signal); !follows) {
        return log.failed(follows.error());
    }
    if (Result<> answered = wait_for_all(start->plan, log); !answered) {
        return log.failed(answered.error());
    }
    return start->plan.init ? supervise_app(kernel, *start, given, log, clock, parsed)
                            : log.failed(become(kernel, launch_of(*start, given)));
}

} // namespace stepdown::commands
