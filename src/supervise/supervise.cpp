#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/give_back.hpp"
#include "supervise/supervise.hpp"

namespace stepdown::supervise {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAbortGrace{10'000}; // where there is no --grace
constexpr milliseconds kKilledEnds{2000};   // and is reaped, if SIGKILL ends it at all
constexpr int kStartOver = 100; // ms: by then the app has been executed, and one that is still there stays for a while

// SIGPIPE for PID 1's own writes comes from itself, and the terminal signals of its process group from the kernel:
// neither is addressed to the app, which the terminal reaches by itself.
bool meant_for_app(const signalfd_siginfo& signal, pid_t own_pid) noexcept {
    const bool by_terminal =
        signal.ssi_code == SI_KERNEL && (signal.ssi_signo == SIGTTIN || signal.ssi_signo == SIGTTOU);
    return !by_terminal && signal.ssi_pid != static_cast<std::uint32_t>(own_pid);
}

// A queued signal keeps its value; rt_sigqueueinfo(2) lets a process pass on SI_QUEUE, and no code of the kernel's or
// kill(2)'s.
bool queue(const signalfd_siginfo& signal, pid_t app, int number) noexcept {
    siginfo_t queued{};
    queued.si_signo = number;
    queued.si_code = SI_QUEUE;
    queued.si_pid = static_cast<pid_t>(signal.ssi_pid);
    queued.si_uid = signal.ssi_uid;
    queued.si_value.sival_ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(signal.ssi_ptr));
    return ::syscall(SYS_rt_sigqueueinfo, app, number, &queued) == 0;
}

// That an address answers PID 1 does not see: whoever asks `stepdown ready` does.
WatchdogStart starts_by(const Readiness& ready) noexcept {
    return ready.kind == Readiness::Kind::kNone     ? WatchdogStart::kAtOnce
           : ready.kind == Readiness::Kind::kNotify ? WatchdogStart::kWhenReady
                                                    : WatchdogStart::kByItsFirstWord;
}

// The app is asked to stop: by what arrives, whatever it is sent on as, or by what is sent on.
bool is_stop(int number) noexcept { return number == SIGTERM || number == SIGINT || number == SIGQUIT; }

} // namespace

Result<Watch> Watch::open(const Supervision& asked, Accounts& accounts, Listener listener) {
    sigset_t every;
    std::memset(&every, 0xff, sizeof every); // sigfillset(3) leaves out those that the C library keeps for itself
    sys::Fd signals(::signalfd(-1, &every, SFD_CLOEXEC));
    if (!signals) {
        return call_failed(ExitCode::kInternal, "cannot watch for signals", "signalfd", errno);
    }
    return Watch(std::move(signals), asked, accounts, listener);
}

Watch::Watch(sys::Fd signals, const Supervision& asked, Accounts& accounts, Listener listener) noexcept
    : signals_(std::move(signals)), own_pid_(::getpid()), to_group_(asked.signal_group),
      stops_with_app_(asked.job_control), leaves_rest_(asked.leave_rest && own_pid_ != 1),
      terms_group_(leaves_rest_ && asked.term_group), tells_orphans_(asked.log_orphans || listener.every),
      listener_(listener), accounts_(accounts), watchdog_(asked.watchdog), watchdog_starts_(starts_by(asked.ready)),
      stop_delay_(asked.stop_delay), grace_(asked.grace), drain_(asked.drain), rest_(Rest::open()) {
    if (asked.forking) {
        daemon_ = Daemon::open(asked.pid_file);
    }
    if (asked.log_orphans) {
        names_ = Names::open();
    }
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
    if (watchdog_starts_ == WatchdogStart::kAtOnce) {
        be_alive();
    }
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
            if (terminal_ != nullptr) {
                follow_stop();
            }
        }
        if (is_over(deadline_)) {
            take(Event::kTimer);
        }
        if (is_over(alive_until_)) {
            take(Event::kWatchdog);
        }
        if (is_over(seek_at_)) {
            seek();
        }
    }
    outcome_.status =
        outcome_.own_status ? to_status(ExitCode::kInternal) : status_as_[static_cast<std::size_t>(outcome_.status)];
    return outcome_;
}

void Watch::until_asked_to_stop() noexcept {
    while (state_ != State::kEnded) {
        for (const signalfd_siginfo& signal : wait()) {
            if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT) {
                state_ = State::kEnded;
            } else if (signal.ssi_signo == SIGCHLD) {
                while (::waitpid(-1, nullptr, WNOHANG) > 0) {
                }
            }
        }
    }
}

// Or else the time is over, or the other work had its turn. -1: no time.
bool Watch::signalled_within(int milliseconds) noexcept {
    pollfd ready[] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                      {.fd = other_.descriptor, .events = POLLIN, .revents = 0},
                      {.fd = accounts_.descriptor(), .events = POLLIN, .revents = 0}};
    if (clock_.poll(ready, milliseconds) <= 0) {
        return false;
    }
    if (ready[2].revents != 0) {
        hear();
    }
    if (ready[1].revents != 0 && !other_.on_readable(other_.context)) {
        other_ = {};
    }
    return ready[0].revents != 0;
}

// For a signal, and no longer than the timer runs. Without one there is nothing else to wake for but other work.
std::span<const signalfd_siginfo> Watch::wait() noexcept {
    const int time = time_to_wait();
    if ((time >= 0 || other_.descriptor >= 0 || accounts_.descriptor() >= 0) && !signalled_within(time)) {
        return {};
    }
    const ssize_t bytes = ::read(signals_.get(), read_.data(), sizeof read_);
    return std::span(read_).first(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof read_[0] : 0);
}

void Watch::take(const signalfd_siginfo& signal) noexcept {
    const int from = static_cast<int>(signal.ssi_signo);
    const int to = signal.ssi_signo < sent_as_.size() ? sent_as_[signal.ssi_signo] : 0;
    if (from == SIGCHLD || !meant_for_app(signal, own_pid_)) {
        tell({.kind = from == SIGCHLD ? Note::Kind::kChildSignal : Note::Kind::kDropped, .from = from});
        return;
    }
    if (to == 0) {
        tell({.kind = Note::Kind::kDropped, .from = from});
    } else {
        signal_ = &signal;
        const bool stops = is_stop(from) || is_stop(to);
        take(!stops ? Event::kOtherSignal : stop_delay_ ? Event::kDelayedStop : Event::kStopSignal);
    }
    if (stops_with_app_ && (from == SIGTSTP || from == SIGTTIN || from == SIGTTOU)) {
        stop_with_app();
    }
}

void Watch::tell(const Note& note) const noexcept {
    const bool wanted = listener_.every || note.kind == Note::Kind::kForwardFailed ||
                        note.kind == Note::Kind::kAppMoved || note.kind == Note::Kind::kReady ||
                        note.kind == Note::Kind::kHeld || note.kind == Note::Kind::kWatchdogOver ||
                        (note.kind == Note::Kind::kOrphanEnded && tells_orphans_);
    if (wanted && listener_.tell != nullptr) {
        listener_.tell(listener_.context, note);
    }
}

void Watch::take(Event event) noexcept {
    const auto [action, next] = step(state_, event);
    state_ = next;
    switch (action) {
    case Action::kNothing:
        break;
    case Action::kForward:
        forward(*signal_);
        break;
    case Action::kForwardAndTime:
        ask_to_stop(*signal_);
        break;
    case Action::kHold:
        hold();
        break;
    case Action::kRelease:
        ask_to_stop(held_);
        break;
    case Action::kReleaseToo:
        ask_to_stop(held_);
        if (signal_->ssi_signo != held_.ssi_signo) { // two of one number are one while the first waits, signal(7)
            forward(*signal_);
        }
        break;
    case Action::kAbortApp:
        abort_app();
        break;
    case Action::kKillApp:
        kill_app();
        break;
    case Action::kDrain:
        if (leaves_rest_) {
            state_ = State::kEnded;
            break;
        }
        arm(drain_);
        end_rest(SIGTERM, false);
        break;
    case Action::kDrainNew:
        end_rest(SIGTERM, true);
        break;
    case Action::kKillRest:
        arm(kKilledEnds);
        end_rest(SIGKILL, false);
        break;
    case Action::kKillNew:
        end_rest(SIGKILL, true);
        break;
    case Action::kLeaveRest:
        outcome_.rest_left = true;
        outcome_.own_status = outcome_.own_status || !app_reaped_;
        break;
    }
}

// kill(2) has no values to queue, so a group gets none. An app that has left its group is signalled alone.
void Watch::forward(const signalfd_siginfo& signal) noexcept {
    const int to = sent_as_[signal.ssi_signo];
    const bool sent = send(signal, to);
    tell({.kind = sent ? Note::Kind::kForwarded : Note::Kind::kForwardFailed,
          .pid = static_cast<pid_t>(signal.ssi_pid),
          .from = static_cast<int>(signal.ssi_signo),
          .to = to,
          .error = sent ? 0 : errno});
}

// From now on the app is asked to stop, for all but itself: whoever asks whether it is ready sends it no more work.
void Watch::hold() noexcept {
    held_ = *signal_;
    accounts_.say("stopping");
    arm(*stop_delay_);
    tell({.kind = Note::Kind::kHeld, .from = static_cast<int>(held_.ssi_signo)});
}

void Watch::ask_to_stop(const signalfd_siginfo& signal) noexcept {
    accounts_.say("stopping");
    stop_ = app_ == 0 ? 0 : sent_as_[signal.ssi_signo];
    deadline_.reset();
    if (grace_) {
        arm(*grace_);
    }
    forward(signal);
}

void Watch::abort_app() noexcept {
    aborted_ = true;
    arm(grace_.value_or(kAbortGrace));
    tell({.kind = Note::Kind::kWatchdogOver, .to = SIGABRT});
    signal_app(SIGABRT);
    signal_app(SIGCONT);
    if (app_ == 0) {
        end_without_daemon();
    }
}

void Watch::kill_app() noexcept {
    outcome_.grace_over = true;
    if (to_group_) {
        signal_group(SIGKILL);
    }
    const bool may_be = signal_app(SIGKILL);
    if (app_ == 0) {
        end_without_daemon();
    } else if (!may_be) { // another user's by now, as sudo(8) makes it
        arm(kKilledEnds);
    }
}

bool Watch::send(const signalfd_siginfo& signal, int number) noexcept {
    const bool goes_on = number == SIGCONT && std::exchange(stopped_by_terminal_, false);
    if ((to_group_ || goes_on) && signal_group(number)) {
        return true;
    }
    return signal.ssi_code == SI_QUEUE && app_ != 0 ? queue(signal, app_, number) : signal_app(number);
}

// While it is being sought any of these may be it; kill(2) would take its number, 0, for PID 1's own group.
bool Watch::signal_app(int number) noexcept {
    return app_ > 0 ? ::kill(app_, number) == 0 : rest_.signal(number, false);
}

bool Watch::signal_group(int number) noexcept { return app_ > 0 && ::kill(-app_, number) == 0; }

void Watch::end_rest(int number, bool only_new) noexcept {
    if (!rest_.signal(number, only_new)) {
        state_ = State::kEnded; // nobody can be told, so nobody is waited for
    }
}

void Watch::arm(milliseconds time) noexcept { deadline_ = clock_.now() + time; }

bool Watch::is_over(Moment& moment) noexcept {
    if (!moment || clock_.now() < *moment) {
        return false;
    }
    moment.reset();
    return true;
}

void Watch::be_alive() noexcept {
    if (watchdog_) {
        alive_until_ = clock_.now() + *watchdog_;
    }
}

// What the app says of itself.
void Watch::hear() noexcept {
    const Notice notice = accounts_.take();
    if (notice.ready) {
        accounts_.say("ready");
        tell({.kind = Note::Kind::kReady});
    }
    if (notice.main_pid) {
        follow(*notice.main_pid);
    }
    if (notice.stopping) {
        accounts_.say("stopping");
    }
    if (notice.ready || (notice.alive && (alive_until_ || watchdog_starts_ != WatchdogStart::kWhenReady))) {
        be_alive();
    }
    if (notice.failed) {
        take(Event::kWatchdog);
    }
    if (notice.extended && state_ == State::kStopping && deadline_) {
        deadline_ = std::max(*deadline_, clock_.now() + *notice.extended);
    }
}

// In poll(2)'s milliseconds, rounded up so that it never wakes too early; -1: nothing to wait for but signals.
int Watch::time_to_wait() noexcept {
    if (more_to_reap_) {
        return 0;
    }
    Moment first = deadline_;
    for (const Moment& moment : {alive_until_, seek_at_}) {
        first = moment && (!first || *moment < *first) ? moment : first;
    }
    if (!first) {
        return -1;
    }
    const auto left = std::chrono::ceil<milliseconds>(*first - clock_.now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, INT_MAX));
}

} // namespace stepdown::supervise
