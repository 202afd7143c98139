#include <atomic>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/account.hpp"
#include "commands/descriptor.hpp"
#include "commands/emulation.hpp"
#include "commands/launch.hpp"
#include "confine/load.hpp"
#include "supervise/terminal.hpp"
#include "verify/judge.hpp"

namespace stepdown::commands {
namespace {

constexpr std::string_view kCannotRestrict = "cannot put the app under its Landlock rules";

enum class Stage : int { kStarted, kConfined, kRestrictFailed, kConfineFailed, kReleased, kHookFailed, kExecFailed };

Error explain(const ExecFailure& failure, const Launch& what) {
    Error error = explain(failure, what.program);
    if (what.landlocked && failure.error == EACCES) {
        error.line += "; under Landlock only what --exec grants can be executed, the program's loader too";
    }
    return error;
}

Result<> judge(sys::Kernel& kernel, Facts wanted, const Account& account, int seccomp_mode) {
    auto observed = read_account(kernel, account);
    if (!observed) {
        return call_failed(ExitCode::kVerify, "cannot read back the app's state from /proc", "read", observed.error());
    }
    if (!account.status) {
        observed->seccomp_mode = seccomp_mode;
        wanted.seccomp_filters.reset();
    }
    if (const auto mismatch = verify::first_mismatch(wanted, *observed)) {
        return fail(ExitCode::kVerify, "the kernel's account does not match the plan: " + mismatch->check + " is " +
                                           mismatch->observed + ", not " + mismatch->expected +
                                           "; the app was not started");
    }
    return {};
}

} // namespace

// The barrier: a word in the memory that PID 1 and the child share until execve(2), and a socket pair to sleep at. Each
// side first looks at the word for a moment: being woken costs more than that.
struct Launch::Barrier {
    std::atomic<Stage> stage = Stage::kStarted;
    int error = 0;          // of a filter's load
    bool emulating = false; // it was the emulation's
    int seccomp_mode = 0;   // as the confined child was told
    HookEnd hook;
    ExecFailure exec;
};

namespace {

constexpr int kLooks = 100; // a few µs: looking longer costs a virtual machine more than it saves

struct Child {
    sys::Kernel& kernel;
    const Launch& what;
    Launch::Barrier& barrier;
    int own_end;
    int other_end;
    pid_t parent;
};

void relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Until the word is no longer stage, or the other side is gone. One byte was or will be written for each change.
Stage wait_while(Stage stage, const Launch::Barrier& barrier, int end) noexcept {
    for (int looks = 0; barrier.stage == stage && looks < kLooks; ++looks) {
        relax();
    }
    char byte = 0;
    while (barrier.stage == stage && ::read(end, &byte, 1) < 0 && errno == EINTR) {
    }
    return barrier.stage;
}

void change(Launch::Barrier& barrier, Stage stage, int end) noexcept {
    barrier.stage = stage;
    [[maybe_unused]] const ssize_t woken = ::write(end, "", 1);
}

// The emulation first: the app's filter may forbid to load one more.
sys::Sys<> load_emulation(sys::Kernel& kernel, const Launch& what, int own_end) noexcept {
    if (what.heard) {
        return load_heard(kernel, what.emulation, what.filter_flags, own_end);
    }
    if (!what.listened) {
        return kernel.load_filter(what.emulation);
    }
    const auto listener = load_listened(kernel, what.emulation, 0);
    return listener ? send_descriptor(own_end, listener->get()) : std::unexpected(listener.error());
}

sys::Sys<> confine_child(const Child& child) noexcept {
    const auto& [kernel, what, barrier, own_end, other_end, parent] = child;
    if (!what.emulation.empty()) {
        barrier.emulating = true;
        if (const auto loaded = load_emulation(kernel, what, own_end); !loaded) {
            return loaded;
        }
        barrier.emulating = false;
    }
    return what.filter.empty() ? sys::Sys<>() : kernel.load_filter(what.filter, what.filter_flags);
}

// Keys that whoever started us holds are not for the app, keyrings(7). Engines give each container a keyring and forbid
// keyctl(2): where it is refused there is nothing to leave.
void leave_keyring(sys::Kernel& kernel, const Launch& what) noexcept {
    [[maybe_unused]] const auto left = what.as_is ? sys::Sys<>() : kernel.new_session_keyring();
}

int run_child(void* context) {
    const auto& child = *static_cast<const Child*>(context);
    const auto& [kernel, what, barrier, own_end, other_end, parent] = child;
    ::close(other_end); // or the end of PID 1 would not end the wait below
    supervise::lead_process_group(what.terminal, what.new_session);
    if (what.dies_with_parent && (!kernel.set_parent_death_signal(SIGKILL) || ::getppid() != parent)) {
        ::_exit(to_status(ExitCode::kInternal));
    }
    leave_keyring(kernel, what);
    if (what.ruleset) {
        if (const auto restricted = kernel.landlock_restrict(what.ruleset.get()); !restricted) {
            barrier.error = restricted.error();
            change(barrier, Stage::kRestrictFailed, own_end);
            ::_exit(to_status(ExitCode::kConfine));
        }
    }
    if (const auto confined = confine_child(child); !confined) {
        barrier.error = confined.error();
        change(barrier, Stage::kConfineFailed, own_end);
        ::_exit(to_status(ExitCode::kConfine));
    }
    barrier.seccomp_mode = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
    change(barrier, Stage::kConfined, own_end);
    if (wait_while(Stage::kConfined, barrier, own_end) != Stage::kReleased) {
        ::_exit(to_status(ExitCode::kInternal));
    }
    if (what.ready_from >= 0 && ::dup2(what.ready_from, what.ready_to) == what.ready_from) {
        ::fcntl(what.ready_from, F_SETFD, 0); // the same number: dup2(2) leaves it close-on-exec
    }
    barrier.hook = run_before_start(what.hooks, what.program.envp.data());
    if (barrier.hook.how != HookEnd::How::kDone) {
        barrier.stage = Stage::kHookFailed;
        ::_exit(to_status(ExitCode::kSetup));
    }
    supervise::give_signals_back(what.given_signals);
    barrier.exec = execute(kernel, what.program);
    barrier.stage = Stage::kExecFailed;
    ::_exit(to_status(ExitCode::kNotExecutable));
}

// As wait_while(); meanwhile the child's calls may be such as PID 1 hears of.
void hear_while(Stage stage, Launch& what) noexcept {
    const int end = what.barrier_end.get();
    while (what.barrier->stage == stage) {
        pollfd ready[] = {{.fd = end, .events = POLLIN, .revents = 0},
                          {.fd = what.work.descriptor, .events = POLLIN, .revents = 0}};
        ::poll(ready, std::size(ready), -1);
        if (ready[1].revents != 0 && !what.work.on_readable(what.work.context)) {
            what.work = {};
            return;
        }
        char byte = 0;
        if (ready[0].revents != 0 && ::read(end, &byte, 1) <= 0) {
            return;
        }
    }
}

// Before anything is read from the barrier's end: its first byte brings the descriptor, or says that there is none.
// That of a courier may be the second.
void take_listener(Launch& what) {
    sys::Fd listener = receive_descriptor(what.barrier_end.get());
    if (!listener && what.heard && what.barrier->stage == Stage::kConfined) {
        listener = receive_descriptor(what.barrier_end.get());
    }
    if (listener) {
        what.work = what.root->work(std::move(listener));
        hear_while(Stage::kStarted, what);
    }
}

Result<> confirm(sys::Kernel& kernel, Launch& what, const Account& account) {
    const Launch::Barrier& barrier = *what.barrier;
    const int end = what.barrier_end.get();
    if (what.listened) {
        take_listener(what);
    }
    switch (wait_while(Stage::kStarted, barrier, end)) {
    case Stage::kConfined:
        return what.as_is ? Result<>() : judge(kernel, what.wanted, account, barrier.seccomp_mode);
    case Stage::kRestrictFailed:
        return call_failed(ExitCode::kConfine, kCannotRestrict, "landlock_restrict_self", barrier.error);
    case Stage::kConfineFailed:
        if (barrier.emulating) {
            return what.heard
                       ? call_failed(ExitCode::kConfine, "cannot load the filter that PID 1 hears of calls from",
                                     "seccomp", barrier.error,
                                     "an outer filter may have a listener already, or forbid seccomp(2): start without "
                                     "--seccomp-report, --seccomp-learn and record")
                       : call_failed(ExitCode::kConfine, "cannot load the filter that emulates root", "seccomp",
                                     barrier.error,
                                     "an outer filter may have a listener already, or forbid seccomp(2): "
                                     "start without --emulate-root");
        }
        return std::unexpected(confine::not_loaded(barrier.error, what.filter_flags));
    default:
        return fail(ExitCode::kInternal, "the child ended before it was confined");
    }
}

} // namespace

Result<pid_t> spawn(sys::Kernel& kernel, Launch& what) {
    if (!what.as_is && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return fail(ExitCode::kVerify,
                    "PID 1 is still dumpable after the drop: the app could read it; it was not started");
    }
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return call_failed(ExitCode::kInternal, "cannot make the barrier between PID 1 and the app", "socketpair",
                           errno);
    }
    what.barrier_end = sys::Fd(ends[0]);
    const sys::Fd child_end(ends[1]);
    // Not on this function's stack: the child goes on reading both until execve(2), when this function has returned.
    static Launch::Barrier barrier;
    what.barrier = &barrier;
    static Child child{.kernel = kernel,
                       .what = what,
                       .barrier = barrier,
                       .own_end = ends[1],
                       .other_end = ends[0],
                       .parent = ::getpid()};
    const auto pid = kernel.spawn(run_child, &child);
    if (!pid) {
        return call_failed(ExitCode::kInternal, "cannot start a process for the app", "clone", pid.error(),
                           "is the container's pids limit reached?");
    }
    for (const int fd : what.handed_over) {
        ::close(fd);
    }
    return *pid;
}

Result<> release(sys::Kernel& kernel, Launch& what, pid_t child, std::span<const sock_filter> own_filter) {
    [[maybe_unused]] const int moved = ::chdir("/"); // PID 1 must not keep the app's directory's file system busy
    const Account account = what.as_is ? Account() : open_account(kernel, child);
    Result<> passed = what.as_is ? Result<>() : confine::load(kernel, own_filter);
    if (passed) {
        passed = confirm(kernel, what, account);
    }
    what.ruleset = sys::Fd();
    if (passed) {
        change(*what.barrier, Stage::kReleased, what.barrier_end.get());
    } else {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    return passed;
}

std::optional<Refusal> refused_by_kernel(const Launch& what) {
    const Stage stage = what.barrier == nullptr ? Stage::kStarted : what.barrier->stage.load();
    if (stage == Stage::kHookFailed) {
        return Refusal{explain(what.barrier->hook, what.hooks), 0};
    }
    if (stage != Stage::kExecFailed) {
        return std::nullopt;
    }
    return Refusal{explain(what.barrier->exec, what), what.barrier->exec.error};
}

Error become(sys::Kernel& kernel, const Launch& what) {
    const Account account = what.as_is ? Account() : open_account(kernel, 0);
    leave_keyring(kernel, what);
    if (what.ruleset) {
        if (const auto restricted = kernel.landlock_restrict(what.ruleset.get()); !restricted) {
            return call_failed(ExitCode::kConfine, kCannotRestrict, "landlock_restrict_self", restricted.error())
                .error();
        }
    }
    const std::pair<std::span<const sock_filter>, unsigned> filters[] = {{what.emulation, 0},
                                                                         {what.filter, what.filter_flags}};
    for (const auto& [filter, flags] : filters) {
        if (Result<> loaded = filter.empty() ? Result<>() : confine::load(kernel, filter, flags); !loaded) {
            return loaded.error();
        }
    }
    if (!what.as_is) {
        if (Result<> judged = judge(kernel, what.wanted, account, ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0)); !judged) {
            return judged.error();
        }
    }
    const HookEnd hook = run_before_start(what.hooks, what.program.envp.data());
    if (hook.how != HookEnd::How::kDone) {
        return explain(hook, what.hooks);
    }
    supervise::give_signals_back(what.given_signals);
    return explain(execute(kernel, what.program), what);
}

} // namespace stepdown::commands
