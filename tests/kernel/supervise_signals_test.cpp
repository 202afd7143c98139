#include <fstream>
#include <random>

#include <fmt/format.h>

#include "kernel/supervise_fixture.hpp"

// Signals through PID 1, in a PID namespace of its own.
namespace stepdown::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kByKill = SI_USER; // si_code
constexpr int kQueued = SI_QUEUE;

bool forwardable(int number) { return number != SIGKILL && number != SIGSTOP && number != SIGCHLD; }

std::uint64_t bit(int number) { return std::uint64_t{1} << (number - 1); }

TEST_F(Supervise, ForwardsEverySignalOnceWithWhatSigqueueGaveIt) {
    Running running = start_app("record");
    ASSERT_TRUE(running.says("ready\n"));
    std::string expected = "ready\n";
    for (int number = 1; number <= 64; ++number) {
        if (forwardable(number)) {
            queue(running.pid(), number, 1000 + number);
            expected += fmt::format("{} {} {}\n", number, kQueued, 1000 + number);
            ASSERT_TRUE(running.says(expected)) << running.output();
            ::kill(running.pid(), number);
            expected += fmt::format("{} {} 0\n", number, kByKill);
            ASSERT_TRUE(running.says(expected)) << running.output();
        }
    }
    ::usleep(200'000);
    EXPECT_EQ(running.output(), expected) << "nothing comes twice";
}

TEST_F(Supervise, KeepsQueuedRealTimeSignalsInOrderAndNumber) {
    Running running = start_app("record");
    ASSERT_TRUE(running.says("ready\n"));
    std::string expected = "ready\n";
    for (int value = 0; value < 500; ++value) {
        queue(running.pid(), 40, value);
        expected += fmt::format("40 {} {}\n", kQueued, value);
    }
    EXPECT_TRUE(running.says(expected)) << running.output();
}

TEST_F(Supervise, KeepsItsOwnChildSignalToItself) {
    Running running = start_app("record");
    ASSERT_TRUE(running.says("ready\n"));
    ::kill(running.pid(), SIGCHLD);
    ::kill(running.pid(), SIGUSR1);
    EXPECT_TRUE(running.says(fmt::format("ready\n{} {} 0\n", SIGUSR1, kByKill))) << running.output();
}

TEST_F(Supervise, LosesNoTermFromTheFirstInstantOn) {
    std::minstd_rand random(1);
    for (int i = 0; i < 200; ++i) {
        Running running = start_app("pause");
        while (!listens(running) && !running.has_ended()) {
        }
        ::usleep(static_cast<useconds_t>(random() % 3000));
        ::kill(running.pid(), SIGTERM);
        ASSERT_EQ(running.ended(), 128 + SIGTERM) << "start " << i;
    }
}

// What whoever runs the tests ignores, the started stepdown is given too.
std::uint64_t ignored_here() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("SigIgn:")) {
            return std::stoull(line.substr(line.find('\t')), nullptr, 16);
        }
    }
    ADD_FAILURE() << "no SigIgn in /proc/self/status";
    return 0;
}

TEST_F(Supervise, TheAppFindsMaskAndDispositionsAsGiven) {
    const std::uint64_t blocked = bit(SIGUSR1) | bit(32) | bit(33) | bit(39);
    Setting setting;
    for (const bool child_ignored : {false, true}) {
        const std::uint64_t ignored =
            ignored_here() | bit(SIGHUP) | bit(SIGPIPE) | bit(SIGTSTP) | (child_ignored ? bit(SIGCHLD) : 0);
        setting.prepare = [&] {
            for (int number = 1; number <= 31; ++number) {
                if ((ignored & bit(number)) != 0) {
                    ::signal(number, SIG_IGN);
                }
            }
            ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, nullptr, sizeof blocked);
        };
        Running running = start_app("state", {}, setting);
        EXPECT_EQ(running.ended(), 0);
        EXPECT_EQ(running.output(), fmt::format("SigBlk:\t{:016x}\nSigIgn:\t{:016x}\n", blocked, ignored));
    }
}

TEST_F(Supervise, AnIgnoredChildSignalDoesNotHideTheAppsEnd) {
    Running running = start_app("exit 3", {}, {.prepare = [] { ::signal(SIGCHLD, SIG_IGN); }});
    EXPECT_EQ(running.ended(), 3);
}

TEST_F(Supervise, AStoppedAppHasNotEnded) {
    Running running = start_app("pause");
    ASSERT_TRUE(running.says("ready\n"));
    const pid_t app = running.app();
    ::kill(app, SIGSTOP);
    EXPECT_TRUE(until(
        [&] { return line_of(read_file(fmt::format("/proc/{}/status", app)), "State:").contains("T (stopped)"); }));
    ::usleep(200'000);
    EXPECT_FALSE(running.has_ended());
    ::kill(running.pid(), SIGTERM);
    ::kill(running.pid(), SIGCONT);
    EXPECT_EQ(running.ended(), 128 + SIGTERM);
}

TEST_F(Supervise, RewritesAndDrops) {
    Running running = start_app(
        "record", {"--signal=HUP=drop", "--signal=SIGUSR1=USR2", "--signal=RTMIN+1=12", "--stop-signal=QUIT"});
    ASSERT_TRUE(running.says("ready\n"));
    ::kill(running.pid(), SIGHUP);
    std::string expected = "ready\n";
    for (const auto& [sent, got] : {std::pair(SIGUSR1, SIGUSR2), {35, 12}, {SIGTERM, SIGQUIT}}) {
        queue(running.pid(), sent, 7);
        expected += fmt::format("{} {} 7\n", got, kQueued);
        EXPECT_TRUE(running.says(expected)) << running.output();
    }
}

TEST_F(Supervise, SignalsTheAppAloneOrItsProcessGroup) {
    const std::string two = "trap 'echo app; kill $!; exit 4' USR1; sh -c \"trap 'echo other; exit' USR1; echo ready; "
                            "while :; do sleep 0.05; done\" & while :; do wait; done";
    Running alone = start_shell(two);
    ASSERT_TRUE(alone.says("ready\n"));
    ::kill(alone.pid(), SIGUSR1);
    EXPECT_EQ(alone.ended(), 4);
    EXPECT_THAT(alone.output(), Not(HasSubstr("other")));

    Running group = start_shell("trap 'echo app; wait; exit 4' USR1; sh -c \"trap 'echo other; exit' USR1; echo ready; "
                                "while :; do sleep 0.05; done\" & wait; sleep 10",
                                {"--signal-group"});
    ASSERT_TRUE(group.says("ready\n"));
    ::kill(group.pid(), SIGUSR1);
    EXPECT_EQ(group.ended(), 4);
    EXPECT_THAT(group.output(), HasSubstr("other"));
    EXPECT_THAT(group.output(), HasSubstr("app"));
}

TEST_F(Supervise, KillsTheAppWhenTheGraceIsOverAndForwardsTheSecondSignalAtOnce) {
    Running running = start_app("record", {"--grace=700ms"});
    ASSERT_TRUE(running.says("ready\n"));
    const auto asked = Clock::now();
    ::kill(running.pid(), SIGTERM);
    ASSERT_TRUE(running.says("ready\n15 0 0\n"));
    ::kill(running.pid(), SIGTERM);
    EXPECT_TRUE(running.says("ready\n15 0 0\n15 0 0\n"));
    EXPECT_EQ(running.ended(), 128 + SIGKILL);
    EXPECT_GE(Clock::now() - asked, 700ms);
    EXPECT_THAT(running.output(), HasSubstr("--grace was over: killed"));
}

TEST_F(Supervise, TheGraceBeginsWithTheStopSignalWhateverItBecomes) {
    for (const char* stop : {"--stop-signal=USR1", "--signal=TERM=40"}) {
        Running running = start_app("record", {"--grace=10ms", stop});
        ASSERT_TRUE(running.says("ready\n"));
        ::kill(running.pid(), SIGTERM);
        EXPECT_EQ(running.ended(), 128 + SIGKILL) << stop;
    }
    Running other = start_app("record", {"--grace=10ms", "--signal=TERM=drop"});
    ASSERT_TRUE(other.says("ready\n"));
    ::kill(other.pid(), SIGHUP);
    ::kill(other.pid(), SIGTERM);
    ::usleep(200'000);
    EXPECT_FALSE(other.has_ended());
}

TEST_F(Supervise, SendsTheFirstStopSignalOnWhenItsDelayIsOverAndTheGraceBeginsThen) {
    Running running = start_app("record", {"--stop-delay=600ms", "--grace=600ms"});
    ASSERT_TRUE(running.says("ready\n"));
    const auto asked = Clock::now();
    ::kill(running.pid(), SIGTERM);
    ::kill(running.pid(), SIGHUP);
    ASSERT_TRUE(running.says("ready\n1 0 0\n"));
    ASSERT_TRUE(running.says("ready\n1 0 0\n15 0 0\n"));
    EXPECT_GE(Clock::now() - asked, 600ms);
    EXPECT_EQ(running.ended(), 128 + SIGKILL);
    EXPECT_GE(Clock::now() - asked, 1200ms);
}

TEST_F(Supervise, ASecondStopSignalEndsTheDelayOfTheFirst) {
    Running same = start_app("record", {"--stop-delay=1h", "--log-level=info"});
    ASSERT_TRUE(same.says("ready\n"));
    ::kill(same.pid(), SIGTERM);
    ASSERT_TRUE(same.says("--stop-delay is over")) << "or the kernel makes one of the two";
    ::kill(same.pid(), SIGTERM);
    ASSERT_TRUE(same.says("15 0 0\n"));
    ::kill(same.pid(), SIGHUP);
    EXPECT_TRUE(same.says("15 0 0\n1 0 0\n")) << "the two are one";

    Running other = start_app("record", {"--stop-delay=1h"});
    ASSERT_TRUE(other.says("ready\n"));
    ::kill(other.pid(), SIGTERM);
    ::kill(other.pid(), SIGINT);
    EXPECT_TRUE(other.says("15 0 0\n"));
    EXPECT_TRUE(other.says("2 0 0\n"));
}

TEST_F(Supervise, AnAppThatEndsWithinTheGraceKeepsItsStatus) {
    Running running = start_shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done", {"--grace=20s"});
    ASSERT_TRUE(running.says("ready\n"));
    ::kill(running.pid(), SIGTERM);
    EXPECT_EQ(running.ended(), 9);
}

} // namespace
} // namespace stepdown::testing
