#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/descriptor.hpp"
#include "commands/emulation.hpp"
#include "confine/compile.hpp"
#include "confine/syscalls.hpp"
#include "emulate/listener.hpp"

// Level full, end to end: a process of an ordinary user without any capability, under the table's filter, and a
// listener of the same user that is as unprivileged. What unmodified programs then believe.
namespace stepdown::emulate {
namespace {

using ::testing::StartsWith;

constexpr uid_t kUser = 12345;
constexpr std::uint64_t kAll = 0x1ffffffffff;

// What the app prints and how it ends; chroots: how often the listener said that one was faked.
struct Outcome {
    std::string output;
    int status = -1;
    int chroots = 0;
};

[[noreturn]] void run_app(const Emulation& emulation, const std::function<int()>& app, int socket, int output) {
    const auto program = confine::compile(commands::profile_of(emulation));
    sock_fprog loaded{.len = static_cast<unsigned short>(program->size()),
                      .filter = const_cast<sock_filter*>(program->data())};
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // as every program is after execve(2)
    const long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &loaded);
    (void)commands::send_descriptor(socket, static_cast<int>(listener));
    ::close(static_cast<int>(listener));
    ::close(socket);
    ::_exit(app());
}

// The listener's process: as unprivileged as the app. Its exit status is the number of faked chroots it heard of.
[[noreturn]] void listen(const Emulation& emulation, const std::function<int()>& app, int output, int status_to) {
    ::setgroups(0, nullptr);
    if (::setresgid(kUser, kUser, kUser) != 0 || ::setresuid(kUser, kUser, kUser) != 0) {
        ::_exit(100);
    }
    int sockets[2];
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets);
    const pid_t child = ::fork();
    if (child == 0) {
        run_app(emulation, app, sockets[1], output);
    }
    ::close(sockets[1]);
    ::close(output);
    Listener listener(commands::receive_descriptor(sockets[0]), sys::Fd(::open("/proc", O_PATH | O_DIRECTORY)),
                      Session(root(kAll), limits_of(CAP_LAST_CAP)), commands::call_numbers(),
                      confine::facts_of(confine::native_architecture()).audit);
    int chroots = 0;
    for (Listener::Event event = Listener::Event::kAnswered; event != Listener::Event::kOver;
         event = listener.answer()) {
        chroots += event == Listener::Event::kFakedChroot ? 1 : 0;
        pollfd state{.fd = listener.descriptor(), .events = POLLIN, .revents = 0};
        ::poll(&state, 1, -1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    [[maybe_unused]] const auto told = ::write(status_to, &status, sizeof status);
    ::_exit(chroots);
}

Outcome run(const std::function<int()>& app, const char* words = "full") {
    EXPECT_EQ(::geteuid(), 0U) << "this test becomes another user: run it as root";
    const auto emulation = parse_emulation(words, {});
    int output[2];
    int status_pipe[2];
    EXPECT_EQ(::pipe2(output, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(status_pipe, O_CLOEXEC), 0);
    const pid_t listener = ::fork();
    if (listener == 0) {
        ::alarm(60);
        listen(*emulation, app, output[1], status_pipe[1]);
    }
    ::close(output[1]);
    ::close(status_pipe[1]);
    Outcome outcome;
    std::array<char, 4096> part;
    for (ssize_t got = 0; (got = ::read(output[0], part.data(), part.size())) > 0;) {
        outcome.output.append(part.data(), static_cast<std::size_t>(got));
    }
    EXPECT_EQ(::read(status_pipe[0], &outcome.status, sizeof outcome.status),
              static_cast<ssize_t>(sizeof outcome.status));
    ::close(output[0]);
    ::close(status_pipe[0]);
    int ended = 0;
    ::waitpid(listener, &ended, 0);
    EXPECT_TRUE(WIFEXITED(ended)) << "the listener died of signal " << WTERMSIG(ended);
    outcome.chroots = WEXITSTATUS(ended);
    return outcome;
}

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
