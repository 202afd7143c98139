#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "kernel/emulate_app.hpp"

// Level full, end to end: a process of an ordinary user without any capability, under the table's filter, and a
// listener of the same user that is as unprivileged. What unmodified programs then believe.
namespace stepdown::emulate {
namespace {

using ::testing::StartsWith;

// A shell's account of itself.
Outcome run_shell(const char* script, const char* words = "full") {
    return run(
        [script] {
            ::execl("/bin/bash", "bash", "-c", script, nullptr);
            return 127;
        },
        words);
}

TEST(EmulateListener, ProgramsBelieveInRoot) {
    const Outcome shell = run_shell("id; whoami; echo $EUID $UID");
    EXPECT_EQ(shell.output, "uid=0(root) gid=0(root) groups=0(root)\nroot\n0 0\n");
    EXPECT_EQ(shell.status, 0);
}

TEST(EmulateListener, PythonAgrees) {
    EXPECT_EQ(run_shell("python3 -c 'import os; print(os.getresuid(), os.getresgid(), os.getgroups())'").output,
              "(0, 0, 0) (0, 0, 0) [0]\n");
}

TEST(EmulateListener, SteppingDownHoldsThroughExecve) {
    EXPECT_EQ(
        run_shell("setpriv --reuid=33 --regid=33 --groups=4,33 bash -c 'id -u; id -G; setpriv --reuid=0 id; id -u'")
            .output,
        "33\n33 4\nsetpriv: setresuid failed: Operation not permitted\n33\n");
}

TEST(EmulateListener, TheKernelKnowsBetter) {
    EXPECT_THAT(run_shell("grep -E '^(Uid|CapEff)' /proc/self/status").output,
                StartsWith("Uid:\t12345\t12345\t12345\t12345\nCapEff:\t0000000000000000\n"));
    EXPECT_NE(run_shell("cat /etc/shadow").status, 0);
}

TEST(EmulateListener, CapabilitiesAreToldAndGivenUp) {
    const Outcome shell =
        run_shell("capsh --print | grep Current:; capsh --drop=cap_chown -- -c 'capsh --print | grep Current:'; "
                  "capsh --user=www-data -- -c 'capsh --print | grep Current:'");
    EXPECT_EQ(shell.output, "Current: =ep\nCurrent: =ep cap_chown-ep\nCurrent: =\n");
}

TEST(EmulateListener, ChrootIsSaidOnce) {
    const Outcome shell = run_shell("chroot / true && chroot / true && chroot / id -u");
    EXPECT_EQ(shell.output, "0\n");
    EXPECT_EQ(shell.chroots, 1);
    EXPECT_NE(run_shell("chroot / true", "full,-chroot").status, 0);
}

// As daemons do it that chroot into their queue and then use names below it.
TEST(EmulateListener, RelativePathsLeadWhereTheyWouldInTheJail) {
    const std::string script = R"(python3 -c '
import os, tempfile
jail = tempfile.mkdtemp()
open(jail + "/file", "w").write("found")
os.symlink(jail, jail + "/link")
for how in ("/link", ""):
    os.chdir(jail)
    os.chroot(jail + how)
    os.chdir("/")
    os.setresuid(33, 33, 33) if how == "" else None
    print(open("file").read(), os.getcwd() == jail)
os.chdir("/etc")
os.chdir("/")
print(os.getcwd())
os.remove(jail + "/file"), os.remove(jail + "/link"), os.rmdir(jail)
')";
    EXPECT_EQ(run_shell(script.c_str()).output, "found True\nfound True\n/\n");
    EXPECT_NE(run_shell(script.c_str(), "full,-chroot").status, 0);
}

TEST(EmulateListener, DaemonKeepsItsIdsWhenItsParentHasGone) {
    EXPECT_EQ(
        run_shell("setpriv --reuid=33 --clear-groups bash -c '(sleep 0.3; exec id -u) & exit 0'; sleep 0.6").output,
        "33\n");
}

TEST(EmulateListener, ChildForkedBeforeStaysRoot) {
    const Outcome app = run([] {
        int ends[2];
        char byte = 0;
        if (::pipe(ends) != 0) {
            return 1;
        }
        const pid_t child = ::fork();
        if (child == 0) {
            return ::read(ends[0], &byte, 1) == 1 && ::getuid() == 0 && ::geteuid() == 0 ? 0 : 1;
        }
        if (::setuid(33) != 0 || ::getuid() != 33 || ::setuid(0) != -1 || errno != EPERM ||
            ::write(ends[1], "", 1) != 1) {
            return 2;
        }
        int status = -1;
        ::waitpid(child, &status, 0);
        return status == 0 ? 0 : 3;
    });
    EXPECT_EQ(app.status, 0);
}

// The C library has every thread make the call, and aborts when they are not told the same.
TEST(EmulateListener, ThreadsAgree) {
    const Outcome app = run([] {
        constexpr int kThreads = 32;
        std::array<std::thread, kThreads> threads;
        std::atomic<int> changed = 0;
        std::atomic<int> wrong = 0;
        for (std::thread& one : threads) {
            one = std::thread([&] {
                while (changed == 0) {
                    const uid_t now = ::getuid();
                    wrong += now == 0 || now == 33 ? 0 : 1;
                }
                wrong += ::getuid() == 33 && ::getegid() == 34 ? 0 : 1;
            });
        }
        const bool done = ::setgroups(0, nullptr) == 0 && ::setgid(34) == 0 && ::setuid(33) == 0;
        changed = 1;
        for (std::thread& one : threads) {
            one.join();
        }
        return done && wrong == 0 ? 0 : 1;
    });
    EXPECT_EQ(app.status, 0);
}

TEST(EmulateListener, BadAddressesAreTheApps) {
    const Outcome app = run([] {
        auto* const bad = reinterpret_cast<uid_t*>(16);
        uid_t good = 7;
        const bool faults = ::syscall(SYS_getresuid, &good, bad, &good) == -1 && errno == EFAULT &&
                            ::syscall(SYS_setgroups, 1, bad) == -1 && errno == EFAULT;
        return faults && good == 0 ? 0 : 1;
    });
    EXPECT_EQ(app.status, 0);
}

TEST(EmulateListener, ConstantsAndLimits) {
    const Outcome app = run([] {
        rlimit now{};
        ::getrlimit(RLIMIT_CORE, &now);
        const rlimit low{.rlim_cur = 0, .rlim_max = 0};
        const rlimit high{.rlim_cur = 10, .rlim_max = 10};
        rlimit after{};
        const bool limits = ::setrlimit(RLIMIT_CORE, &low) == 0 && ::setrlimit(RLIMIT_CORE, &high) == 0 &&
                            ::getrlimit(RLIMIT_CORE, &after) == 0 && after.rlim_max == 0;
        const bool files = ::chown("/etc/passwd", 1, 1) == 0 && ::mknod("/tmp/none", S_IFCHR, 0) == 0;
        const bool scheduling = ::setpriority(PRIO_PROCESS, 0, -5) == 0;
        return limits && files && scheduling ? 0 : 1;
    });
    EXPECT_EQ(app.status, 0);
}

TEST(EmulateListener, IdsNeedsNoListener) {
    const Outcome shell = run_shell("id -u; chown root /etc/passwd && echo owned", "ids");
    EXPECT_EQ(shell.output, "0\nowned\n");
}

TEST(EmulateListener, KilledCallerDoesNotStallIt) {
    const Outcome app = run([] {
        for (int i = 0; i < 200; ++i) {
            const pid_t child = ::fork();
            if (child == 0) {
                for (;;) {
                    ::getuid();
                }
            }
            ::usleep(static_cast<useconds_t>(i * 10));
            ::kill(child, SIGKILL);
            ::waitpid(child, nullptr, 0);
        }
        return ::getuid() == 0 ? 0 : 1;
    });
    EXPECT_EQ(app.status, 0);
}

} // namespace
} // namespace stepdown::emulate
