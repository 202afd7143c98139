#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include <sys/signalfd.h>
#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/supervision.hpp"
#include "supervise/daemon.hpp"
#include "supervise/names.hpp"
#include "supervise/note.hpp"
#include "supervise/own_clock.hpp"
#include "supervise/readiness.hpp"
#include "supervise/rest.hpp"
#include "supervise/table.hpp"
#include "supervise/terminal.hpp"
#include "sys/fd.hpp"

namespace stepdown::supervise {

// How it went, for who may write a log: the watch itself writes nothing.
struct Outcome {
    int status = 0;          // as a shell tells it: the app's own, or 128+n if signal n ended it; rewritten as asked
    bool own_status = false; // no app's: stepdown's own code, which is not rewritten
    bool core_dumped = false;
    bool grace_over = false;  // the app was killed
    bool daemon_lost = false; // --forking: no process was found that the app goes on as
    unsigned drained = 0;     // ended by themselves after the app
    unsigned killed = 0;      // by SIGKILL when --drain was over
    std::array<pid_t, 8> killed_first{};
    bool rest_left = false; // there are others, which SIGKILL did not end
};

// From when on silence counts: the app's start, READY=1, or its first WATCHDOG=1 or READY=1.
enum class WatchdogStart : std::uint8_t { kAtOnce, kWhenReady, kByItsFirstWord };

// A descriptor that somebody else answers from PID 1's loop, one piece of bounded work each turn, so that signals and
// ended children always have theirs. on_readable: false when there will be nothing more.
struct OtherWork {
    int descriptor = -1; // none
    bool (*on_readable)(void* context) = nullptr;
    void* context = nullptr;
};

// PID 1's watch: forwards every signal to the app exactly once, with the value of sigqueue(3), reaps every child, and
// ends what the app leaves behind. What it does when is table.cpp; this is how. Allocates nothing, writes nothing, asks
// for no right that PID 1's own filter (seccomp/pid1.json) does not leave it, but for names.
class Watch {
  public:
    // Before PID 1 confines itself: opens the signalfd(2). Every signal must be blocked (take_signals).
    // asked and accounts must outlive it. Inlined, it would leave a second Watch on the caller's stack.
    [[gnu::noinline]] static Result<Watch> open(const Supervision& asked, Accounts& accounts, Listener listener = {});

    // Without an app: reaps until INT or TERM arrives.
    void until_asked_to_stop() noexcept;

    // The app's terminal, which must outlive the watch: what stops it there stops this process as well, or where nobody
    // could continue it does not stop it.
    void at(const LentTerminal& terminal) noexcept { terminal_ = terminal ? &terminal : nullptr; }

    // Until the app has ended and no child is left. A stopped app has not ended.
    // Never inlined: what a start does besides would be among its code.
    [[gnu::noinline]] Outcome until_ended(pid_t app, OtherWork other = {}) noexcept;

  private:
    static constexpr std::size_t kSignals = 65;
    static constexpr std::size_t kStatuses = 256;
    static constexpr std::size_t kSignalsARead = 16;

    using Moment = std::optional<OwnClock::Time>;

    Watch(sys::Fd signals, const Supervision& asked, Accounts& accounts, Listener listener) noexcept;

    bool signalled_within(int milliseconds) noexcept;
    std::span<const signalfd_siginfo> wait() noexcept;
    void take(Event event) noexcept;
    void take(const signalfd_siginfo& signal) noexcept;
    void reap() noexcept;
    void stop_with_app() noexcept;
    void note_end(pid_t pid, int status, const char* name) noexcept;
    void forward(const signalfd_siginfo& signal) noexcept;
    void hold() noexcept;
    void ask_to_stop(const signalfd_siginfo& signal) noexcept;
    bool send(const signalfd_siginfo& signal, int number) noexcept;
    void abort_app() noexcept;
    void kill_app() noexcept;
    bool signal_app(int number) noexcept;
    bool signal_group(int number) noexcept; // the app's
    // These are not inlined, so that they are not among the code that PID 1 runs beside every app.
    [[gnu::noinline]] void hear() noexcept;
    [[gnu::noinline]] void seek() noexcept;
    [[gnu::noinline]] void follow_stop() noexcept;
    void be_alive() noexcept;
    bool may_go_on() const noexcept;
    bool may_have_forked(int status) noexcept;
    void end_without_daemon() noexcept;
    void follow(pid_t pid) noexcept;
    void go_on_as(pid_t pid) noexcept;
    void tell(const Note& note) const noexcept;
    Names::Name name_of_next() const noexcept;
    void end_rest(int number, bool only_new) noexcept;
    void arm(std::chrono::milliseconds time) noexcept;
    int time_to_wait() noexcept;
    bool is_over(Moment& moment) noexcept; // and then there is none any more

    sys::Fd signals_;
    pid_t own_pid_;
    std::array<std::uint8_t, kSignals> sent_as_{}; // 0: dropped
    std::array<std::uint8_t, kStatuses> status_as_{};
    bool to_group_;
    bool stops_with_app_;
    bool leaves_rest_;
    bool terms_group_;
    bool tells_orphans_;
    Names names_;
    Listener listener_;
    Accounts& accounts_;
    std::optional<Daemon> daemon_; // until it has been found for good
    bool daemon_found_ = false;
    std::optional<std::chrono::milliseconds> watchdog_;
    WatchdogStart watchdog_starts_;
    std::optional<std::chrono::milliseconds> stop_delay_;
    std::optional<std::chrono::milliseconds> grace_;
    std::chrono::milliseconds drain_;
    Rest rest_;

    State state_ = State::kRunning;
    pid_t app_ = 0;
    pid_t heir_ = 0; // MAINPID=: who is the app when this one has ended; 0: nobody
    int stop_ = 0;   // the first stop signal, as it was sent on; 0: none, or to all
    bool aborted_ = false;
    OtherWork other_;
    const LentTerminal* terminal_ = nullptr; // none: the app has not been given one
    bool stopped_by_terminal_ = false;       // all of its group: so SIGCONT is for all of it
    bool app_reaped_ = false;
    bool more_to_reap_ = false;
    const signalfd_siginfo* signal_ = nullptr; // the one in hand
    signalfd_siginfo held_{};                  // the stop signal that --stop-delay keeps
    OwnClock clock_;
    Moment deadline_;    // the state's timer
    Moment alive_until_; // the watchdog's
    Moment seek_at_;     // the daemon's
    Moment seek_until_;
    Outcome outcome_;
    std::array<signalfd_siginfo, kSignalsARead> read_;
};

} // namespace stepdown::supervise
