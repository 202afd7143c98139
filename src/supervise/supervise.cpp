#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <span>

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/give_back.hpp"
#include "supervise/supervise.hpp"

namespace stepdown::supervise {
namespace {

constexpr std::size_t kSignalsARead = 16;
constexpr int kSignalStatusBase = 128;
constexpr int kStartOver = 100; // ms: by then the app has been executed, and one that is still there stays for a while

// SIGPIPE for PID 1's own writes comes from itself, and the terminal signals of its process group from the kernel: neither
// is addressed to the app, which the terminal reaches by itself.
bool meant_for_app(const signalfd_siginfo& signal) noexcept {
    const bool by_terminal =
        signal.ssi_code == SI_KERNEL && (signal.ssi_signo == SIGTTIN || signal.ssi_signo == SIGTTOU);
    return !by_terminal && signal.ssi_pid != static_cast<std::uint32_t>(::getpid());
}

// A queued signal keeps its value; rt_sigqueueinfo(2) lets a process pass on SI_QUEUE, and no code of the kernel's or kill(2)'s.
void forward(const signalfd_siginfo& signal, pid_t app) noexcept {
    const int number = static_cast<int>(signal.ssi_signo);
    if (signal.ssi_code != SI_QUEUE) {
        ::kill(app, number);
        return;
    }
    siginfo_t queued{};
    queued.si_signo = number;
    queued.si_code = SI_QUEUE;
    queued.si_pid = static_cast<pid_t>(signal.ssi_pid);
    queued.si_uid = signal.ssi_uid;
    queued.si_value.sival_ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(signal.ssi_ptr));
    ::syscall(SYS_rt_sigqueueinfo, app, number, &queued);
}

int status_for_shell(int status) noexcept {
    return WIFSIGNALED(status) ? kSignalStatusBase + WTERMSIG(status) : WEXITSTATUS(status);
}

// Reaps all that has ended. The app's status if it was among them, or if it cannot be waited for any more.
std::optional<int> reap(pid_t app) noexcept {
    std::optional<int> app_status;
    for (;;) {
        int status = 0;
        const pid_t ended = ::waitpid(-1, &status, WNOHANG);
        if (ended == app) {
            app_status = status_for_shell(status);
        } else if (ended == 0) {
            return app_status;
        } else if (ended < 0) {
            return app_status ? app_status : to_status(ExitCode::kInternal); // ECHILD: the app cannot be waited for any more
        }
    }
}

} // namespace

Result<Watch> Watch::open() {
    sigset_t every;
    std::memset(&every, 0xff, sizeof every); // sigfillset(3) leaves out those that the C library keeps for itself
    sys::Fd signals(::signalfd(-1, &every, SFD_CLOEXEC));
    if (!signals) {
        return call_failed(ExitCode::kInternal, "cannot watch for signals", "signalfd", errno);
    }
    return Watch(std::move(signals));
}

int Watch::until_ended(pid_t app) const noexcept {
    pollfd first{.fd = signals_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&first, 1, kStartOver) == 0) {
        give_start_back();
    }
    std::array<signalfd_siginfo, kSignalsARead> signals;
    for (;;) {
        const ssize_t bytes = ::read(signals_.get(), signals.data(), sizeof signals);
        const std::size_t count = bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof signals[0] : 0;
        bool child_ended = false;
        for (const signalfd_siginfo& signal : std::span(signals).first(count)) {
            if (signal.ssi_signo == SIGCHLD) {
                child_ended = true;
            } else if (meant_for_app(signal)) {
                forward(signal, app);
            }
        }
        if (child_ended) {
            if (const std::optional<int> status = reap(app)) {
                return *status;
            }
        }
    }
}

} // namespace stepdown::supervise
