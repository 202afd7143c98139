#include <algorithm>
#include <ctime>

#include <sys/syscall.h>
#include <unistd.h>

#include "supervise/own_clock.hpp"

namespace stepdown::supervise {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPause{500}; // less may be a busy machine's, or a limit on processor time

nanoseconds processor_time() noexcept {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
}

} // namespace

OwnClock::Time OwnClock::now() noexcept {
    const Time clock = Clock::now();
    const nanoseconds passed = clock - looked_;
    looked_ = clock;
    if (passed > kPause) {
        paused_ += std::max(nanoseconds(0), passed - (processor_time() - worked_));
    }
    return clock - paused_;
}

// The kernel keeps what is left of ppoll(2)'s time while the process is stopped, and goes on with it afterwards.
int OwnClock::poll(std::span<pollfd> ready, int milliseconds) noexcept {
    if (milliseconds < 0) {
        return static_cast<int>(::syscall(SYS_ppoll, ready.data(), ready.size(), nullptr, nullptr, 0));
    }
    const nanoseconds given = std::chrono::milliseconds(milliseconds);
    timespec left{.tv_sec = given.count() / std::nano::den, .tv_nsec = given.count() % std::nano::den};
    now();
    // The call itself: a C library keeps what is left to itself.
    const auto count = ::syscall(SYS_ppoll, ready.data(), ready.size(), &left, nullptr, 0);
    const nanoseconds waited = given - seconds(left.tv_sec) - nanoseconds(left.tv_nsec);
    const bool told = waited > nanoseconds(0) || milliseconds == 0; // or else STICKY_TIMEOUTS: see personality(2)
    looked_ = told ? looked_ + waited : Clock::now();
    worked_ = processor_time();
    return static_cast<int>(count);
}

} // namespace stepdown::supervise
