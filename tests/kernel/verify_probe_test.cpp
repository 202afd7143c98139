#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verify/probe.hpp"

using namespace stepdown::verify;

namespace {

constexpr int kTyped = 120;

// What a child of a session of its own is answered when it types into its terminal.
int type_into(bool terminal) {
    const auto all = attempts();
    const auto attempt = std::ranges::find(all, "probe.terminal", &Attempt::id);
    const pid_t child = ::fork();
    if (child == 0) {
        ::setsid();
        const int master = terminal ? ::posix_openpt(O_RDWR | O_NOCTTY) : -1;
        const int own =
            master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0 ? ::open(::ptsname(master), O_RDWR) : -1;
        const int outcome = attempt->attempt();
        int waiting = 0;
        if (own >= 0 && (::ioctl(own, FIONREAD, &waiting) != 0 || waiting != 0)) {
            ::_exit(kTyped);
        }
        ::_exit(terminal && own < 0 ? kTyped : outcome + 1); // kNotTried is -1
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_NE(WEXITSTATUS(status), kTyped);
    return WEXITSTATUS(status) - 1;
}

} // namespace

TEST(VerifyProbe, ATerminalThatExistsIsTriedAndNothingIsTyped) {
    EXPECT_EQ(type_into(true), 0) << "root may, whatever dev.tty.legacy_tiocsti says";
}

TEST(VerifyProbe, WithoutATerminalNobodyIsSaidToHaveTyped) {
    const int outcome = type_into(false);
    EXPECT_TRUE(outcome == kNotTried || outcome == EIO) << outcome;
}
