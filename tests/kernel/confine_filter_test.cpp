// The built-in filters, loaded for real: what the kernel then answers. One forked child a case, for a filter stays for
// good.

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine/load.hpp"

namespace stepdown::testing {
namespace {

using confine::BuiltIn;

constexpr long kDirty = 0x1'0000'0000; // high bits that the kernel ignores in an int

struct Ending {
    bool exited = false;
    int value = 0; // exit status, or the signal

    bool operator==(const Ending&) const = default;
};

void PrintTo(const Ending& ending, std::ostream* out) {
    *out << (ending.exited ? "exit status " : "signal ") << ending.value;
}

constexpr int kNotLoaded = 250;

// Runs body in a child; its result is the exit status.
Ending ending_of(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(body());
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? Ending{true, WEXITSTATUS(status)} : Ending{false, WTERMSIG(status)};
}

// In a child that wears the filter.
Ending under(BuiltIn which, const std::function<int()>& body) {
    return ending_of([&] {
        sys::Kernel& kernel = sys::real_kernel();
        return kernel.set_no_new_privs() && confine::load(kernel, confine::builtin(which)) ? body() : kNotLoaded;
    });
}

// The errno of a call with these arguments; 0 when it succeeds.
template <class... Args> std::function<int()> error_of(long number, Args... args) {
    return [=] { return ::syscall(number, args...) < 0 ? errno : 0; };
}

Ending answered(int error) { return {true, error}; }

TEST(ConfineKernel, LoadsWithoutRootAndGrowsTheFilterCountByOne) {
    const auto filters = [] {
        std::ifstream status("/proc/self/status");
        std::string line;
        while (std::getline(status, line)) {
            if (line.starts_with("Seccomp_filters:")) {
                return std::stoi(line.substr(line.find('\t')));
            }
        }
        return -1;
    };
    const int before = filters();
    ASSERT_GE(before, 0);
    EXPECT_EQ(under(BuiltIn::kDefault, filters), answered(before + 1));
}

TEST(ConfineKernel, TakesTheFlagsOrSaysThatItDoesNot) {
    const auto with = [](unsigned flags) {
        return under(BuiltIn::kDefault, [flags] {
            const auto loaded = sys::real_kernel().load_filter(confine::builtin(BuiltIn::kPid1), flags);
            return loaded ? 0 : loaded.error();
        });
    };
    EXPECT_EQ(with(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW), answered(0));
    EXPECT_EQ(with(1U << 20), answered(EINVAL));
}

TEST(ConfineKernel, AcceptsTheStrictFilter) {
    EXPECT_EQ(under(BuiltIn::kStrict, error_of(SYS_mmap, 0L, 4096L, long{PROT_WRITE | PROT_EXEC},
                                               long{MAP_PRIVATE | MAP_ANONYMOUS}, -1L, 0L)),
              answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kStrict, error_of(SYS_mprotect, 0L, 4096L, long{PROT_EXEC})), answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kStrict, error_of(SYS_socket, AF_NETLINK | kDirty, long{SOCK_RAW}, 0L)),
              answered(EAFNOSUPPORT));
    EXPECT_EQ(under(BuiltIn::kStrict,
                    [] {
                        ::execl("/bin/true", "true", nullptr);
                        return 1;
                    }),
              answered(0));
}

TEST(ConfineKernel, AcceptsPid1sFilter) {
    EXPECT_EQ(under(BuiltIn::kPid1, [] { return 0; }), answered(0));
}

TEST(ConfineKernel, RefusesEachGroup) {
    const struct {
        const char* name;
        std::function<int()> call;
        int error;
    } all[] = {
        {"mount", error_of(SYS_mount, nullptr, nullptr, nullptr, 0L, nullptr), EPERM},
        {"fsopen", error_of(SYS_fsopen, nullptr, 0L), EPERM},
        {"umount2", error_of(SYS_umount2, nullptr, 0L), EPERM},
        {"setns", error_of(SYS_setns, -1L, 0L), EPERM},
        {"ptrace", error_of(SYS_ptrace, -1L, 0L, 0L, 0L), EPERM},
        {"process_vm_readv", error_of(SYS_process_vm_readv, 0L, nullptr, 0L, nullptr, 0L, 0L), EPERM},
        {"pidfd_getfd", error_of(SYS_pidfd_getfd, -1L, -1L, 0L), EPERM},
        {"keyctl", error_of(SYS_keyctl, -1L), EPERM},
        {"bpf", error_of(SYS_bpf, -1L, nullptr, 0L), EPERM},
        {"perf_event_open", error_of(SYS_perf_event_open, nullptr, 0L, -1L, -1L, 0L), EPERM},
        {"userfaultfd", error_of(SYS_userfaultfd, -1L), EPERM},
        {"io_uring_setup", error_of(SYS_io_uring_setup, 0L, nullptr), EPERM},
        {"init_module", error_of(SYS_init_module, nullptr, 0L, nullptr), EPERM},
        {"reboot", error_of(SYS_reboot, 0L, 0L, 0L, nullptr), EPERM},
        {"clock_settime", error_of(SYS_clock_settime, -1L, nullptr), EPERM},
        {"open_by_handle_at", error_of(SYS_open_by_handle_at, -1L, nullptr, 0L), EPERM},
        {"clone3", error_of(SYS_clone3, nullptr, 0L), ENOSYS},
        {"a call of the future", error_of(700L), ENOSYS},
    };
    for (const auto& one : all) {
        EXPECT_EQ(under(BuiltIn::kDefault, one.call), answered(one.error)) << one.name;
    }
}

TEST(ConfineKernel, RefusesNewUserNamespaces) {
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_unshare, long{CLONE_NEWUSER})), answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_unshare, CLONE_NEWUSER | kDirty)), answered(EPERM));
    EXPECT_EQ(
        under(BuiltIn::kDefault, error_of(SYS_clone, long{CLONE_NEWUSER | SIGCHLD}, nullptr, nullptr, nullptr, 0L)),
        answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_unshare, long{CLONE_FILES | CLONE_FS})), answered(0));
}

// Without the filter a bad descriptor is EBADF: EPERM comes from the filter alone.
TEST(ConfineKernel, RefusesTiocstiWithDirtyHighBits) {
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_ioctl, -1L, 0x5412L, nullptr)), answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_ioctl, -1L, 0x5412L | kDirty, nullptr)), answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_ioctl, -1L, 0x541cL | kDirty, nullptr)), answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_ioctl, -1L, 0x5401L, nullptr)), answered(EBADF));
}

TEST(ConfineKernel, RefusesFamiliesWithDirtyHighBits) {
    for (const long family : {long{AF_ALG}, long{AF_PACKET}, long{AF_VSOCK}, long{AF_KEY}}) {
        for (const long dirt : {0L, kDirty}) {
            EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_socket, family | dirt, long{SOCK_RAW}, 0L)),
                      answered(EAFNOSUPPORT))
                << family;
        }
    }
}

// The kernel really ignores those bits: a filter that compared all 64 would be passed by.
TEST(ConfineKernel, TheKernelTakesDirtyHighBitsForTheFamilyItself) {
    const long socket = ::syscall(SYS_socket, AF_UNIX | kDirty, SOCK_STREAM | kDirty, kDirty);
    ASSERT_GE(socket, 0) << std::strerror(errno);
    ::close(static_cast<int>(socket));
}

TEST(ConfineKernel, LeavesTheUsualSockets) {
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_socket, long{AF_UNIX}, long{SOCK_STREAM}, 0L)), answered(0));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_socket, long{AF_INET}, long{SOCK_STREAM}, 0L)), answered(0));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_socket, long{AF_NETLINK}, long{SOCK_RAW}, 0L)), answered(0));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_socket, long{AF_NETLINK}, long{SOCK_RAW}, 9L)),
              answered(EPROTONOSUPPORT));
}

TEST(ConfineKernel, RefusesUndoingAddressRandomisation) {
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_personality, long{ADDR_NO_RANDOMIZE})), answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kDefault, error_of(SYS_personality, 0xffffffffL)), answered(0));
}

TEST(ConfineKernel, LeavesThreadsProcessesAndMemory) {
    EXPECT_EQ(under(BuiltIn::kDefault,
                    [] {
                        int value = 1;
                        std::thread([&value] { value = 0; }).join();
                        const pid_t child = ::fork();
                        if (child == 0) {
                            ::execl("/bin/true", "true", nullptr);
                            ::_exit(1);
                        }
                        int status = 1;
                        ::waitpid(child, &status, 0);
                        void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                        return value + status + (memory == MAP_FAILED ? 100 : 0);
                    }),
              answered(0));
}

TEST(ConfineKernel, LeavesAddingAFilterOfOnesOwn) {
    EXPECT_EQ(under(BuiltIn::kDefault,
                    [] { return confine::load(sys::real_kernel(), confine::builtin(BuiltIn::kPid1)) ? 0 : 1; }),
              answered(0));
}

TEST(ConfineKernel, Pid1CanNeitherExecuteNorOpenNorFork) {
    EXPECT_EQ(under(BuiltIn::kPid1, error_of(SYS_execve, "/bin/true", nullptr, nullptr)), answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kPid1, error_of(SYS_openat, long{AT_FDCWD}, "/etc/passwd", long{O_RDONLY}, 0L)),
              answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kPid1, error_of(SYS_clone, long{SIGCHLD}, nullptr, nullptr, nullptr, 0L)),
              answered(EPERM));
    EXPECT_EQ(under(BuiltIn::kPid1,
                    error_of(SYS_mmap, 0L, 4096L, long{PROT_EXEC}, long{MAP_PRIVATE | MAP_ANONYMOUS}, -1L, 0L)),
              answered(EPERM));
}

TEST(ConfineKernel, Pid1CanStillAbort) {
    EXPECT_EQ(under(BuiltIn::kPid1, []() -> int { std::abort(); }), (Ending{false, SIGABRT}));
}

#ifdef __x86_64__
int get_pid_as_i386() {
    long result = 20;
    asm volatile("int $0x80" : "+a"(result)::"memory");
    return 0;
}

// A kernel without CONFIG_IA32_EMULATION has no way in for such calls: nothing reaches a filter.
TEST(ConfineKernel, KillsCallsOfOtherArchitectures) {
    const Ending unfiltered = ending_of(get_pid_as_i386);
    ASSERT_TRUE(unfiltered == answered(0) || unfiltered == (Ending{false, SIGSEGV}));
    for (const BuiltIn which : {BuiltIn::kDefault, BuiltIn::kPid1}) {
        EXPECT_EQ(under(which, error_of(SYS_getpid | 0x40000000L)), (Ending{false, SIGSYS})) << "x32";
        EXPECT_EQ(under(which, get_pid_as_i386), unfiltered.exited ? (Ending{false, SIGSYS}) : unfiltered) << "i386";
    }
}
#endif

} // namespace
} // namespace stepdown::testing
