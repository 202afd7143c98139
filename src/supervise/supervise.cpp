#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/give_back.hpp"
#include "supervise/supervise.hpp"

namespace stepdown::supervise {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock; // CLOCK_MONOTONIC: a clock that is set does not matter

constexpr int kSignalStatusBase = 128;
constexpr int kReapsARound = 256; // then signals have their turn, however fast children end
constexpr int kStartOver = 100; // ms: by then the app has been executed, and one that is still there stays for a while

// SIGPIPE for PID 1's own writes comes from itself, and the terminal signals of its process group from the kernel:
// neither is addressed to the app, which the terminal reaches by itself.
bool meant_for_app(const signalfd_siginfo& signal) noexcept {
    const bool by_terminal =
        signal.ssi_code == SI_KERNEL && (signal.ssi_signo == SIGTTIN || signal.ssi_signo == SIGTTOU);
    return !by_terminal && signal.ssi_pid != static_cast<std::uint32_t>(::getpid());
}

// A queued signal keeps its value; rt_sigqueueinfo(2) lets a process pass on SI_QUEUE, and no code of the kernel's or
// kill(2)'s.
void queue(const signalfd_siginfo& signal, pid_t app, int number) noexcept {
    siginfo_t queued{};
    queued.si_signo = number;
    queued.si_code = SI_QUEUE;
    queued.si_pid = static_cast<pid_t>(signal.ssi_pid);
    queued.si_uid = signal.ssi_uid;
    queued.si_value.sival_ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(signal.ssi_ptr));
    ::syscall(SYS_rt_sigqueueinfo, app, number, &queued);
}

// The app is asked to stop: by what arrives, whatever it is sent on as, or by what is sent on.
bool is_stop(int number) noexcept { return number == SIGTERM || number == SIGINT || number == SIGQUIT; }

int status_for_shell(int status) noexcept {
    return WIFSIGNALED(status) ? kSignalStatusBase + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace

Result<Watch> Watch::open(const Supervision& asked) {
    sigset_t every;
    std::memset(&every, 0xff, sizeof every); // sigfillset(3) leaves out those that the C library keeps for itself
    sys::Fd signals(::signalfd(-1, &every, SFD_CLOEXEC));
    if (!signals) {
        return call_failed(ExitCode::kInternal, "cannot watch for signals", "signalfd", errno);
    }
    return Watch(std::move(signals), asked);
}

Watch::Watch(sys::Fd signals, const Supervision& asked) noexcept
    : signals_(std::move(signals)), to_group_(asked.signal_group), grace_(asked.grace), drain_(asked.drain),
      rest_(Rest::open()) {
    for (std::size_t i = 0; i < sent_as_.size(); ++i) {
        sent_as_[i] = static_cast<std::uint8_t>(i);
    }
    for (std::size_t i = 0; i < status_as_.size(); ++i) {
        status_as_[i] = static_cast<std::uint8_t>(i);
    }
    if (asked.stop_signal != 0) {
        sent_as_[SIGTERM] = static_cast<std::uint8_t>(asked.stop_signal);
    }
    for (const SignalRewrite& rewrite : asked.signals) {
        sent_as_[static_cast<std::size_t>(rewrite.from)] = static_cast<std::uint8_t>(rewrite.to);
    }
    for (const StatusRewrite& rewrite : asked.exit_statuses) {
        status_as_[static_cast<std::size_t>(rewrite.from)] = static_cast<std::uint8_t>(rewrite.to);
    }
}

Outcome Watch::until_ended(pid_t app, OtherWork other) noexcept {
    app_ = app;
    other_ = other;
    if (!signalled_within(kStartOver)) {
        give_start_back();
    }
    while (state_ != State::kEnded) {
        bool child_ended = more_to_reap_;
        for (const signalfd_siginfo& signal : wait()) {
            child_ended = child_ended || signal.ssi_signo == SIGCHLD;
            take(signal);
        }
        if (child_ended) {
            reap();
        }
        if (deadline_ && left_of_timer() == 0) {
            deadline_.reset();
            take(Event::kTimer);
        }
    }
    outcome_.status = status_as_[static_cast<std::size_t>(outcome_.status)];
    return outcome_;
}

// Or else the time is over, or the other work had its turn. -1: no time.
bool Watch::signalled_within(int milliseconds) noexcept {
    pollfd ready[2] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                       {.fd = other_.descriptor, .events = POLLIN, .revents = 0}};
    if (::poll(ready, 2, milliseconds) <= 0) {
        return false;
    }
    if (ready[1].revents != 0 && !other_.on_readable(other_.context)) {
        other_ = {};
    }
    return ready[0].revents != 0;
}

// For a signal, and no longer than the timer runs. Without one there is nothing else to wake for but other work.
std::span<const signalfd_siginfo> Watch::wait() noexcept {
    const bool timed = deadline_ || more_to_reap_;
    if ((timed || other_.descriptor >= 0) && !signalled_within(more_to_reap_ ? 0 : deadline_ ? left_of_timer() : -1)) {
        return {};
    }
    const ssize_t bytes = ::read(signals_.get(), read_.data(), sizeof read_);
    return std::span(read_).first(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof read_[0] : 0);
}

void Watch::take(const signalfd_siginfo& signal) noexcept {
    const int to = signal.ssi_signo < sent_as_.size() ? sent_as_[signal.ssi_signo] : 0;
    if (signal.ssi_signo == SIGCHLD || to == 0 || !meant_for_app(signal)) {
        return;
    }
    signal_ = &signal;
    take(is_stop(static_cast<int>(signal.ssi_signo)) || is_stop(to) ? Event::kStopSignal : Event::kOtherSignal);
}

void Watch::take(Event event) noexcept {
    const auto [action, next] = step(state_, event);
    state_ = next;
    switch (action) {
    case Action::kNothing:
        break;
    case Action::kForwardAndTime:
        if (grace_) {
            arm(*grace_);
        }
        [[fallthrough]];
    case Action::kForward:
        forward();
        break;
    case Action::kKillApp:
        outcome_.grace_over = true;
        ::kill(to_group_ ? -app_ : app_, SIGKILL);
        ::kill(app_, SIGKILL);
        break;
    case Action::kDrain:
        arm(drain_);
        end_rest(SIGTERM, false);
        break;
    case Action::kDrainNew:
        end_rest(SIGTERM, true);
        break;
    case Action::kKillRest:
        end_rest(SIGKILL, false);
        break;
    case Action::kKillNew:
        end_rest(SIGKILL, true);
        break;
    }
}

// kill(2) has no values to queue, so a group gets none. An app that has left its group is signalled alone.
void Watch::forward() const noexcept {
    const int to = sent_as_[signal_->ssi_signo];
    if (to_group_ && ::kill(-app_, to) == 0) {
        return;
    }
    if (signal_->ssi_code == SI_QUEUE) {
        queue(*signal_, app_, to);
    } else {
        ::kill(app_, to);
    }
}

void Watch::end_rest(int number, bool only_new) noexcept {
    if (!rest_.signal(number, only_new)) {
        state_ = State::kEnded; // nobody can be told, so nobody is waited for
    }
}

// All that has ended, and then what that means: the end of the last child counts before the app's.
void Watch::reap() noexcept {
    const bool app_was_reaped = app_reaped_;
    more_to_reap_ = false;
    for (int count = 0; count < kReapsARound; ++count) {
        int status = 0;
        const pid_t ended = ::waitpid(-1, &status, WNOHANG);
        if (ended > 0) {
            note_end(ended, status);
        } else if (ended == 0) {
            take(app_reaped_ && !app_was_reaped ? Event::kAppEnded : Event::kChildEnded);
            return;
        } else {
            take(Event::kNoChildLeft); // ECHILD
            if (!app_reaped_) {
                outcome_.status = to_status(ExitCode::kInternal); // the app cannot be waited for any more
            }
            return;
        }
    }
    more_to_reap_ = true;
    if (app_reaped_ && !app_was_reaped) {
        take(Event::kAppEnded);
    }
}

void Watch::note_end(pid_t pid, int status) noexcept {
    if (pid == app_ && !app_reaped_) {
        app_reaped_ = true;
        outcome_.status = status_for_shell(status);
        outcome_.core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
        deadline_.reset();
        return;
    }
    rest_.reaped(pid);
    if (state_ == State::kDraining) {
        ++outcome_.drained;
    } else if (state_ == State::kDrainKilled) {
        ++outcome_.killed;
    }
}

void Watch::arm(milliseconds time) noexcept { deadline_ = Clock::now() + time; }

// In poll(2)'s milliseconds, rounded up so that it never wakes too early.
int Watch::left_of_timer() const noexcept {
    const auto left = std::chrono::ceil<milliseconds>(*deadline_ - Clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, INT_MAX));
}

} // namespace stepdown::supervise
