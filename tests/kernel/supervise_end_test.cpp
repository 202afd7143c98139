#include <fmt/format.h>

#include "kernel/supervise_fixture.hpp"

// The app's end, the others', and PID 1's.
namespace stepdown::testing {
namespace {

using ::testing::HasSubstr;

constexpr auto kLongDrain = "--drain=25s"; // a test that waits for it has failed

std::string switches(const Running& running) { return line_of(running.status(), "voluntary_ctxt_switches:"); }

TEST_F(Supervise, EveryExitStatusIsTheApps) {
    for (int status = 0; status < 256; ++status) {
        Running running = start_app(fmt::format("exit {}", status), {}, {.as_pid_1 = status % 2 == 0});
        ASSERT_EQ(running.ended(), status);
    }
}

TEST_F(Supervise, AnAppThatASignalEndsIsToldAsAShellDoes) {
    for (int number = 1; number <= 64; ++number) {
        const bool harmless = number == SIGCHLD || number == SIGCONT || number == SIGURG || number == SIGWINCH;
        const bool stops = number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
        const bool the_librarys = number == 32 || number == 33; // raise(3) refuses them
        if (harmless || stops || the_librarys) {
            continue;
        }
        Running running = start_app(fmt::format("die {}", number));
        ASSERT_EQ(running.ended(), 128 + number);
    }
}

TEST_F(Supervise, RewritesTheStatus) {
    const std::vector<std::string> options = {"--exit-status=143=0", "--exit-status=3=77", "--exit-status=127=0"};
    EXPECT_EQ(start_app("die 15", options).ended(), 0);
    EXPECT_EQ(start_app("exit 3", options).ended(), 77);
    EXPECT_EQ(start_app("exit 4", options).ended(), 4);
    EXPECT_EQ(start({"/no/such/program"}, options).ended(), 127) << "there was no app whose status it could be";
}

TEST_F(Supervise, SaysWhyThereIsNoApp) {
    const auto script = [this](const char* name, const char* text, int mode) {
        const fs::path path = directory_ / name;
        std::ofstream(path) << text;
        fs::permissions(path, fs::perms(mode));
        return path.string();
    };
    const struct {
        std::string command;
        int status;
        const char* line;
    } cases[] = {
        {"/no/such/program", 127, "cannot find /no/such/program"},
        {"no-such-program", 127, "cannot find no-such-program in PATH"},
        {script("lost", "#!/no/such/interpreter\n", 0755), 127,
         "its interpreter /no/such/interpreter is not in the image"},
        {script("secret", "#!/bin/sh\n", 0644), 126, "not executable for the app's user"},
        {script("text", "neither\n", 0755), 126, "nor a script that begins with #!"},
        {directory_.string(), 126, "it is a directory"},
    };
    for (const auto& [command, status, text] : cases) {
        Running running = start({command});
        EXPECT_EQ(running.ended(), status) << command;
        EXPECT_THAT(running.output(), HasSubstr(text));
    }
}

TEST_F(Supervise, ReapsThousandsOfOrphansWhileTheAppRuns) {
    Running running = start_app("orphans-and-pause 3000");
    ASSERT_TRUE(running.says("ready\n"));
    EXPECT_TRUE(until([&] { return running.children().size() == 1; })) << running.children().size() << " are left";
    ::kill(running.pid(), SIGTERM);
    EXPECT_EQ(running.ended(), 128 + SIGTERM);
}

TEST_F(Supervise, EndsThousandsThatTheAppLeavesBehind) {
    for (const bool as_pid_1 : {true, false}) {
        Running running = start_app("waiting-orphans 600", {kLongDrain, "--log-level=info"}, {.as_pid_1 = as_pid_1});
        EXPECT_EQ(running.ended(), 0);
        EXPECT_LT(running.took(), 20s);
        EXPECT_THAT(running.output(), HasSubstr("left behind and that ended: 600")) << "PID 1: " << as_pid_1;
    }
}

TEST_F(Supervise, AnOrphansHandlerRunsAndTheAppsStatusStays) {
    for (const bool as_pid_1 : {true, false}) {
        Running running = start_shell("setsid sh -c \"trap 'sleep 0.2; echo bye; exit 8' TERM; echo ready; "
                                      "while :; do sleep 0.05; done\" & sleep 0.5; exit 6",
                                      {kLongDrain}, {.as_pid_1 = as_pid_1});
        EXPECT_EQ(running.ended(), 6);
        EXPECT_THAT(running.output(), HasSubstr("bye"));
        EXPECT_LT(running.took(), 20s);
    }
}

TEST_F(Supervise, AStoppedOrphanEndsToo) {
    Running running = start_shell("setsid sleep 1000 & kill -STOP $!; exit 6", {kLongDrain});
    EXPECT_EQ(running.ended(), 6);
    EXPECT_LT(running.took(), 20s);
}

// Those of which the parent ends come to PID 1 only then.
TEST_F(Supervise, ReachesTheWholeTreeBelow) {
    for (const bool as_pid_1 : {true, false}) {
        Running running = start_shell("sh -c 'sh -c \"sleep 1000 & sleep 1000\" & sleep 1000' & sleep 0.3; exit 6",
                                      {kLongDrain}, {.as_pid_1 = as_pid_1});
        EXPECT_EQ(running.ended(), 6);
        EXPECT_LT(running.took(), 20s);
    }
}

TEST_F(Supervise, KillsWhatOutlivesTheDrain) {
    for (const bool as_pid_1 : {true, false}) {
        Running running = start_shell("sh -c \"trap '' TERM; echo ready; sleep 1000\" & sleep 0.3; exit 6",
                                      {"--drain=500ms"}, {.as_pid_1 = as_pid_1});
        EXPECT_EQ(running.ended(), 6);
        EXPECT_GE(running.took(), 500ms);
        EXPECT_THAT(running.output(), HasSubstr("when --drain was over: "));
    }
}

TEST_F(Supervise, OutsideAPidNamespaceNobodyElseIsSignalled) {
    const pid_t bystander = ::fork();
    if (bystander == 0) {
        if (::setsid() < 0 || ::setgid(10001) < 0 || ::setuid(10001) < 0) {
            ::_exit(1);
        }
        ::execl(app_.c_str(), "app", "pause", nullptr);
        ::_exit(1);
    }
    Running running =
        start_shell("(setsid sleep 1000 &); setsid sleep 1000 & sleep 0.3; exit 6", {kLongDrain}, {.as_pid_1 = false});
    EXPECT_EQ(running.ended(), 6);
    EXPECT_LT(running.took(), 20s);
    EXPECT_EQ(::waitpid(bystander, nullptr, WNOHANG), 0) << "a process of the same uid that is no child was ended";
    ::kill(bystander, SIGKILL);
    ::waitpid(bystander, nullptr, 0);
}

TEST_F(Supervise, StartsWithoutStandardDescriptors) {
    Running input = start_app("exit 3", {}, {.prepare = [] { ::close(STDIN_FILENO); }});
    EXPECT_EQ(input.ended(), 3);
    const auto none = [] { ::syscall(SYS_close_range, 0, 2, 0); };
    for (const bool as_pid_1 : {true, false}) {
        EXPECT_EQ(start_app("exit 3", {}, {.as_pid_1 = as_pid_1, .prepare = none}).ended(), 3);
    }
}

TEST_F(Supervise, LeavesTheAppsDirectoryAlone) {
    const std::string directory = directory_.string();
    Running running = start_app("pause", {}, {.prepare = [directory] { EXPECT_EQ(::chdir(directory.c_str()), 0); }});
    ASSERT_TRUE(running.says("ready\n"));
    EXPECT_EQ(fs::read_symlink(running.proc("cwd")), "/");
    EXPECT_EQ(fs::read_symlink(fmt::format("/proc/{}/cwd", running.app())), directory_);
}

TEST_F(Supervise, NeverWakesWhileNothingHappens) {
    Running running = start_app("pause", {"--grace=10s", "--drain=10s"});
    ASSERT_TRUE(running.says("ready\n"));
    ::usleep(500'000); // the start's last step: its memory goes back
    const std::string before = switches(running);
    ::usleep(2'000'000);
    EXPECT_FALSE(before.empty());
    EXPECT_EQ(switches(running), before);
}

// Under no filter of the app's, so that it is PID 1's own state that refuses.
TEST_F(Supervise, AnAppOfTheSameUidCanNeitherEndNorStopNorTraceIt) {
    Running running = start_app("attack", {"--seccomp=off"});
    EXPECT_EQ(running.ended(), 5) << "PID 1 lived on to tell the app's status";
    EXPECT_EQ(running.output(),
              "kill: done\nkill: done\nattach: Operation not permitted\nseize: Operation not permitted\n"
              "read memory: Operation not permitted\nopen memory: Permission denied\n"
              "open descriptors: Permission denied\n");
}

} // namespace
} // namespace stepdown::testing
