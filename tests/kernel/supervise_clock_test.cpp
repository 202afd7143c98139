#include <csignal>
#include <functional>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/own_clock.hpp"

namespace stepdown::testing {
namespace {

using std::chrono_literals::operator""ms;
using supervise::OwnClock;

constexpr auto kStopped = 800ms;
constexpr int kFailed = 255;

void go_on_after(pid_t stopped, std::chrono::milliseconds time) {
    int status = 0;
    ASSERT_EQ(::waitpid(stopped, &status, WUNTRACED), stopped);
    ASSERT_TRUE(WIFSTOPPED(status)) << "it ended first";
    ::usleep(static_cast<useconds_t>(std::chrono::microseconds(time).count()));
    ::kill(stopped, SIGCONT);
}

// In a process of its own, which is stopped once and then goes on: what OwnClock says has passed.
std::chrono::milliseconds passes_in(const std::function<void(OwnClock&)>& work, bool stops = true) {
    const pid_t child = ::fork();
    if (child == 0) {
        OwnClock clock;
        (void)clock.poll({}, 1);
        const OwnClock::Time began = clock.now();
        work(clock);
        const auto passed = (clock.now() - began) / 10ms;
        ::_exit(::testing::Test::HasFailure() ? kFailed : static_cast<int>(passed));
    }
    if (stops) {
        go_on_after(child, kStopped);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != kFailed);
    return WEXITSTATUS(status) * 10ms;
}

void stop_soon() {
    const pid_t self = ::getpid();
    if (::fork() == 0) {
        ::usleep(100'000);
        ::kill(self, SIGSTOP);
        ::_exit(0);
    }
}

TEST(OwnClock, StandsStillWhileTheProcessIsStoppedInAPoll) {
    const auto passed = passes_in([](OwnClock& clock) {
        stop_soon();
        EXPECT_EQ(clock.poll({}, 300), 0);
    });
    EXPECT_GE(passed, 290ms);
    EXPECT_LT(passed, 300ms + kStopped / 2);
}

TEST(OwnClock, StandsStillWhileTheProcessIsStoppedAtItsWork) {
    EXPECT_LT(passes_in([](OwnClock&) { ::raise(SIGSTOP); }), kStopped / 2);
}

TEST(OwnClock, StandsStillWhileTheProcessIsStoppedBetweenItsWorkAndAPoll) {
    const auto passed = passes_in([](OwnClock& clock) {
        ::raise(SIGSTOP);
        EXPECT_EQ(clock.poll({}, 200), 0);
    });
    EXPECT_GE(passed, 190ms);
    EXPECT_LT(passed, 200ms + kStopped / 2);
}

TEST(OwnClock, GoesOnWhileTheProcessWorks) {
    const auto passed = passes_in(
        [](OwnClock&) {
            const std::clock_t end = std::clock() + CLOCKS_PER_SEC * 7 / 10;
            while (std::clock() < end) {
            }
        },
        false);
    EXPECT_GE(passed, 690ms) << "a process that has much to do could put off its own end";
}

TEST(OwnClock, GoesOnInAPoll) {
    EXPECT_GE(passes_in([](OwnClock& clock) { EXPECT_EQ(clock.poll({}, 700), 0); }, false), 690ms);
}

} // namespace
} // namespace stepdown::testing
