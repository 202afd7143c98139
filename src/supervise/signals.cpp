#include <csignal>

#include <sys/syscall.h>
#include <unistd.h>

#include "supervise/signals.hpp"

namespace stepdown::supervise {
namespace {

// The system call itself: a C library's sigprocmask(3) hides its own signals from the caller, in both directions.
void set_mask(std::uint64_t mask, std::uint64_t* previous) noexcept {
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, previous, sizeof mask);
}

} // namespace

SignalState take_signals() noexcept {
    SignalState given{};
    set_mask(~std::uint64_t{0}, &given.mask);

    struct sigaction child_default{};
    child_default.sa_handler = SIG_DFL;
    struct sigaction child_given{};
    ::sigaction(SIGCHLD, &child_default, &child_given);
    given.child_ignored = child_given.sa_handler == SIG_IGN;
    return given;
}

void let_signals_end(const SignalState& given) noexcept {
    set_mask(given.mask | std::uint64_t{1} << (SIGPIPE - 1), nullptr);
}

void give_signals_back(const SignalState& given) noexcept {
    if (given.child_ignored) {
        struct sigaction ignore{};
        ignore.sa_handler = SIG_IGN;
        ::sigaction(SIGCHLD, &ignore, nullptr);
    }
    set_mask(given.mask, nullptr);
}

} // namespace stepdown::supervise
