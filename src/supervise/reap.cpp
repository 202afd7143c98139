#include <cerrno>
#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "supervise/supervise.hpp"

// The part of PID 1's watch that is about ends: whose, and what follows.
namespace stepdown::supervise {
namespace {

using std::chrono::milliseconds;

constexpr int kSignalStatusBase = 128;
constexpr int kReapsARound = 256; // then signals have their turn, however fast children end
constexpr milliseconds kSeekAgain{50};
constexpr milliseconds kSeekLongest{10'000};

int status_for_shell(int status) noexcept {
    return WIFSIGNALED(status) ? kSignalStatusBase + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace

// All that has ended, and then what that means: the end of the last child counts before the app's.
void Watch::reap() noexcept {
    const bool app_was_reaped = app_reaped_;
    more_to_reap_ = false;
    for (int count = 0; count < kReapsARound; ++count) {
        int status = 0;
        const Names::Name name = name_of_next();
        const pid_t ended = ::waitpid(-1, &status, WNOHANG);
        if (ended > 0) {
            note_end(ended, status, name.data());
        } else if (ended == 0) {
            take(app_reaped_ && !app_was_reaped ? Event::kAppEnded : Event::kChildEnded);
            return;
        } else {
            take(Event::kNoChildLeft); // ECHILD
            if (!app_reaped_ && app_ != 0) {
                outcome_.own_status = true; // the app cannot be waited for any more
            }
            return;
        }
    }
    more_to_reap_ = true;
    if (app_reaped_ && !app_was_reaped) {
        take(Event::kAppEnded);
    }
}

// A stop by the terminal is its user's wish to have the shell back, which waits for this process and not for the app.
void Watch::follow_stop() noexcept {
    siginfo_t stop{};
    if (app_ == 0 || app_reaped_ || ::waitid(P_PID, static_cast<id_t>(app_), &stop, WSTOPPED | WNOHANG) != 0 ||
        stop.si_pid == 0) {
        return;
    }
    const int by = stop.si_status;
    if (terminal_->is_first_group()) {
        if (by == SIGTSTP) {
            signal_group(SIGCONT);
        }
    } else if (stops_with_app_ && (by == SIGTSTP || by == SIGTTIN || by == SIGTTOU)) {
        if (terminal_->lend_again()) { // it ran in the background, and the shell has brought it to the front
            signal_group(SIGCONT);
            return;
        }
        stopped_by_terminal_ = true;
        ::kill(0, SIGTSTP); // its own group, which the terminal would have stopped with it; here it is blocked
        stop_with_app();
    }
}

// Until who is above it has it go on, by SIGCONT, which is the app's as well.
void Watch::stop_with_app() noexcept {
    ::kill(own_pid_, SIGSTOP);
    if (terminal_ != nullptr) {
        terminal_->lend_again();
    }
}

// Of the child that waitpid(2) will answer with next, who has no name any more then.
Names::Name Watch::name_of_next() const noexcept {
    siginfo_t next{};
    if (!names_ || ::waitid(P_ALL, 0, &next, WEXITED | WNOHANG | WNOWAIT) != 0 || next.si_pid == 0) {
        return {};
    }
    return names_.of(next.si_pid);
}

void Watch::note_end(pid_t pid, int status, const char* name) noexcept {
    const bool is_app = pid == app_ && !app_reaped_;
    tell({.kind = is_app ? Note::Kind::kAppEnded : Note::Kind::kOrphanEnded,
          .pid = pid,
          .status = status,
          .name = name});
    if (is_app && may_go_on() && is_child(heir_)) {
        daemon_.reset();
        go_on_as(heir_);
        return;
    }
    if (is_app && may_have_forked(status)) {
        app_ = 0;
        if (!daemon_found_) {
            seek_until_ = clock_.now() + kSeekLongest;
        }
        seek_at_ = clock_.now(); // when the others that have ended are reaped
        return;
    }
    if (is_app) {
        if (terms_group_ && sent_as_[SIGTERM] != 0) {
            signal_group(sent_as_[SIGTERM]);
        }
        app_reaped_ = true;
        outcome_.status = status_for_shell(status);
        outcome_.core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
        deadline_.reset();
        return;
    }
    rest_.reaped(pid);
    const bool by_kill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (state_ == State::kDraining || (state_ == State::kDrainKilled && !by_kill)) {
        ++outcome_.drained;
    } else if (state_ == State::kDrainKilled) {
        if (outcome_.killed < outcome_.killed_first.size()) {
            outcome_.killed_first[outcome_.killed] = pid;
        }
        ++outcome_.killed;
    }
}

// An app that PID 1 itself has ended, for its grace or its silence, has ended for good.
bool Watch::may_go_on() const noexcept { return state_ <= State::kStopping && !aborted_; }

// Daemons fork twice, daemon(7): the only child there is may be on its way out as well, and leaves the daemon to PID 1
// before it ends.
bool Watch::may_have_forked(int status) noexcept {
    return daemon_ && may_go_on() && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
           (!daemon_found_ || (state_ < State::kStopping && seek_until_ && !is_over(seek_until_)));
}

// The process that was the app has ended well: on with the one that it left, if there is one to be found.
void Watch::seek() noexcept {
    if (const pid_t found = daemon_->find(); found > 0) {
        daemon_found_ = true;
        if (daemon_->is_named()) {
            daemon_.reset();
        }
        go_on_as(found);
        return;
    }
    if (!daemon_found_ && !is_over(seek_until_)) {
        seek_at_ = clock_.now() + kSeekAgain;
        return;
    }
    end_without_daemon();
}

void Watch::end_without_daemon() noexcept {
    daemon_.reset();
    seek_at_.reset();
    app_reaped_ = true;
    outcome_.daemon_lost = !daemon_found_;
    outcome_.own_status = outcome_.daemon_lost;
    take(Event::kAppEnded);
}

// MAINPID= of sd_notify(3). A child of the app's becomes PID 1's when the app ends, and cannot be waited for before.
void Watch::follow(pid_t pid) noexcept {
    const bool is_nobody = ::kill(pid, 0) < 0 && errno == ESRCH; // now: the number may be another's later
    heir_ = pid == app_ || app_reaped_ || is_nobody ? 0 : pid;
    if (is_child(heir_)) {
        daemon_.reset();
        go_on_as(heir_);
    }
}

void Watch::go_on_as(pid_t pid) noexcept {
    const bool was_told = to_group_ && ::getpgid(pid) == app_;
    app_ = pid;
    heir_ = 0;
    seek_at_.reset();
    tell({.kind = Note::Kind::kAppMoved, .pid = pid});
    if (stop_ != 0 && !was_told) { // the one before was: this one would never end
        ::kill(pid, stop_);
    }
}

} // namespace stepdown::supervise
