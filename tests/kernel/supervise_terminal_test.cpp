#include <fstream>

#include <fmt/format.h>
#include <pty.h>
#include <sys/ioctl.h>

#include "kernel/supervise_fixture.hpp"

// A terminal of the container's own, as docker run -it gives one, with a shell as the app.
namespace stepdown::testing {
namespace {

class SuperviseTerminal : public Supervise {
  protected:
    void SetUp() override {
        Supervise::SetUp();
        ASSERT_EQ(::openpty(&ours_, &theirs_, nullptr, nullptr, nullptr), 0);
    }
    void TearDown() override {
        ::close(ours_);
        ::close(theirs_);
        Supervise::TearDown();
    }

    void take_terminal() const {
        ::setsid();
        ::ioctl(theirs_, TIOCSCTTY, 0);
        for (int fd = 0; fd <= 2; ++fd) {
            ::dup2(theirs_, fd);
        }
    }
    void type(const std::string& keys) {
        ASSERT_EQ(::write(ours_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    }
    bool shows(const std::string& text) {
        return until([&] {
            for (pollfd ready{.fd = ours_, .events = POLLIN, .revents = 0}; ::poll(&ready, 1, 0) == 1;) {
                char buffer[4096];
                const ssize_t length = ::read(ours_, buffer, sizeof buffer);
                if (length <= 0) {
                    break;
                }
                screen_.append(buffer, static_cast<std::size_t>(length));
            }
            return screen_.find(text) != std::string::npos;
        });
    }
    pid_t foreground() const {
        pid_t group = -1;
        ::ioctl(ours_, TIOCGPGRP, &group);
        return group;
    }

    // The job has the terminal and is the program: before its execve(2) it still ignores what the shell ignores.
    bool runs_in_foreground(const std::string& program) const {
        return until([&] {
            std::ifstream file(fmt::format("/proc/{}/comm", foreground()));
            std::string name;
            return std::getline(file, name) && name == program;
        });
    }

    int ours_ = -1;
    int theirs_ = -1;
    std::string screen_;
};

TEST_F(SuperviseTerminal, JobControlWorksInAShell) {
    Running running = start({"/bin/bash", "--norc", "--noprofile", "-i"}, {},
                            {.prepare = [this] { take_terminal(); }, .with_output = false});
    type("echo up-$((40+2))\n");
    ASSERT_TRUE(shows("up-42")) << screen_;
    EXPECT_EQ(screen_.find("no job control"), std::string::npos) << screen_;
    const pid_t shell = running.app();
    EXPECT_EQ(foreground(), shell);

    type("sleep 1000\n");
    ASSERT_TRUE(runs_in_foreground("sleep")) << "the shell gives its job the terminal";
    type("\x03");
    ASSERT_TRUE(until([&] { return foreground() == shell; }));
    type("echo interrupted-$?\n");
    EXPECT_TRUE(shows("interrupted-130")) << screen_;

    type("sleep 1001\n");
    ASSERT_TRUE(runs_in_foreground("sleep"));
    type("\x1a");
    ASSERT_TRUE(until([&] { return foreground() == shell; }));
    type("echo stopped-$?; jobs\n");
    EXPECT_TRUE(shows("stopped-148")) << screen_;
    EXPECT_TRUE(shows("Stopped")) << screen_;
    EXPECT_FALSE(running.has_ended());
    type("kill %1; exit 5\n");
    type("exit 5\n");
    EXPECT_EQ(running.ended(), 5) << screen_;
}

TEST_F(SuperviseTerminal, AnInterruptReachesTheAppOnce) {
    Running running = start_shell("trap 'echo got-int' INT; echo up; while :; do sleep 0.05; done", {},
                                  {.prepare = [this] { take_terminal(); }, .with_output = false});
    ASSERT_TRUE(shows("up\r\n")) << screen_;
    EXPECT_EQ(foreground(), running.app());
    type("\x03");
    ASSERT_TRUE(shows("got-int\r\n")) << screen_;
    ::usleep(200'000);
    EXPECT_TRUE(shows("")) << "reads what has come since";
    EXPECT_EQ(screen_.find("got-int\r\n"), screen_.rfind("got-int\r\n")) << screen_;
}

TEST_F(SuperviseTerminal, ANewSizeReachesTheApp) {
    Running running = start_shell("trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done", {},
                                  {.prepare = [this] { take_terminal(); }, .with_output = false});
    ASSERT_TRUE(shows("up\r\n")) << screen_;
    const winsize size{.ws_row = 33, .ws_col = 77, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(::ioctl(ours_, TIOCSWINSZ, &size), 0);
    EXPECT_TRUE(shows("33 77")) << screen_;
}

// As "stepdown … &" in an interactive shell: a session whose leader has the terminal, and a group in its background.
TEST_F(SuperviseTerminal, IsNotStolenFromTheBackground) {
    const auto in_background = [this] {
        take_terminal();
        if (const pid_t job = ::fork(); job != 0) {
            int status = 0;
            ::waitpid(job, &status, 0);
            ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
        }
        ::setpgid(0, 0);
    };
    Running running = start_shell("echo up; sleep 0.3; exit 4", {},
                                  {.as_pid_1 = false, .prepare = in_background, .with_output = false});
    ASSERT_TRUE(shows("up\r\n")) << screen_;
    EXPECT_EQ(foreground(), running.pid()) << "the session's leader keeps it";
    EXPECT_EQ(running.ended(), 4);
}

} // namespace
} // namespace stepdown::testing
