#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <ranges>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "confine/builtin.hpp"
#include "confine/digest.hpp"
#include "unit/confine_support.hpp"

// The promises of the two built-in filters, held against the very bytes that the binary carries.
namespace stepdown::testing {
namespace {

constexpr Action kAllow = SECCOMP_RET_ALLOW;
constexpr Action kKill = SECCOMP_RET_KILL_PROCESS;
const Action kEperm = refusal(EPERM);
const Action kEnosys = refusal(ENOSYS);
constexpr std::uint64_t kDirty = 0x1'0000'0000; // high bits that the kernel ignores in an int

std::optional<Action> ask(BuiltIn which, const seccomp_data& data) { return evaluate(builtin(which), data); }

std::optional<Action> app(std::string_view name, std::initializer_list<std::uint64_t> args = {}) {
    return ask(BuiltIn::kDefault, call_of(name, args, native_architecture()));
}

std::optional<Action> pid1(std::string_view name, std::initializer_list<std::uint64_t> args = {}) {
    return ask(BuiltIn::kPid1, call_of(name, args, native_architecture()));
}

void expect_refused(std::initializer_list<const char*> names, Action action) {
    for (const char* name : names | std::views::filter(has_call)) {
        EXPECT_EQ(app(name), action) << name;
        EXPECT_EQ(app(name, {~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL}), action) << name;
    }
}

// ---- what an unprivileged app could still misuse

TEST(ConfineDefault, DeniesNewNamespacesThroughUnshare) {
    for (const std::uint64_t flag :
         std::initializer_list<std::uint64_t>{CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
                                              CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME}) {
        EXPECT_EQ(app("unshare", {flag}), kEperm) << flag;
        EXPECT_EQ(app("unshare", {flag | CLONE_FS}), kEperm) << flag;
        EXPECT_EQ(app("unshare", {flag | kDirty}), kEperm) << flag;
    }
}

TEST(ConfineDefault, DeniesNewNamespacesThroughClone) {
    for (const std::uint64_t flag : std::initializer_list<std::uint64_t>{
             CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP}) {
        EXPECT_EQ(app("clone", {flag | SIGCHLD}), kEperm) << flag;
        EXPECT_EQ(app("clone", {flag | kDirty}), kEperm) << flag;
    }
    EXPECT_EQ(app("setns"), kEperm);
}

TEST(ConfineDefault, AllowsUnshareOfFiles) {
    EXPECT_EQ(app("unshare", {CLONE_FILES}), kAllow);
    EXPECT_EQ(app("unshare", {CLONE_FS}), kAllow);
    EXPECT_EQ(app("unshare", {0}), kAllow);
}

TEST(ConfineDefault, AllowsThreadsAndProcesses) {
    EXPECT_EQ(app("clone", {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                            CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID}),
              kAllow);
    EXPECT_EQ(app("clone", {CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD}), kAllow);
    EXPECT_EQ(app("clone", {CLONE_VM | CLONE_VFORK | SIGCHLD}), kAllow);
    EXPECT_EQ(app("clone", {CLONE_PIDFD | CLONE_IO | SIGCHLD}), kAllow);
}

TEST(ConfineDefault, SendsClone3BackToClone) { expect_refused({"clone3"}, kEnosys); }

TEST(ConfineDefault, DeniesReachingIntoOtherProcesses) {
    expect_refused(
        {"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "move_pages", "migrate_pages"},
        kEperm);
}

TEST(ConfineDefault, DeniesMounts) {
    expect_refused({"mount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount",
                    "open_tree", "open_tree_attr", "mount_setattr"},
                   kEperm);
}

TEST(ConfineDefault, DeniesKeyrings) { expect_refused({"add_key", "request_key", "keyctl"}, kEperm); }

TEST(ConfineDefault, DeniesTheInterfacesThatExploitsCameThrough) {
    expect_refused({"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"},
                   kEperm);
}

TEST(ConfineDefault, DeniesTheMachine) {
    expect_refused({"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon",
                    "swapoff", "acct", "quotactl", "quotactl_fd", "iopl", "ioperm", "settimeofday", "clock_settime",
                    "syslog", "vhangup", "sethostname", "setdomainname"},
                   kEperm);
}

TEST(ConfineDefault, DeniesWaysAroundPermissions) {
    expect_refused({"open_by_handle_at", "lookup_dcookie", "fanotify_init", "fanotify_mark"}, kEperm);
}

TEST(ConfineDefault, DeniesTypingIntoTheTerminal) {
    for (const std::uint64_t request : {0x5412U, 0x541cU, 0x5423U}) { // TIOCSTI, TIOCLINUX, TIOCSETD
        EXPECT_EQ(app("ioctl", {0, request}), kEperm) << request;
    }
    EXPECT_EQ(app("ioctl", {0, 0x5413}), kAllow) << "TIOCGWINSZ";
    EXPECT_EQ(app("ioctl", {0, 0x5401}), kAllow) << "TCGETS";
}

TEST(ConfineDefault, LimitsOfPid1AreNotTheApps) {
    EXPECT_EQ(app("prlimit64", {1, 0}), kEperm);
    EXPECT_EQ(app("prlimit64", {1 | kDirty, 0}), kEperm);
    EXPECT_EQ(app("prlimit64", {0, 0}), kAllow) << "its own";
    EXPECT_EQ(app("prlimit64", {17, 0}), kAllow) << "a process of its own";
}

TEST(ConfineDefault, TiocstiWithDirtyHighBitsIsRefused) {
    EXPECT_EQ(app("ioctl", {0, 0x5412 | kDirty}), kEperm);
    EXPECT_EQ(app("ioctl", {0, 0x5412 | 0xffffffff'00000000}), kEperm);
    EXPECT_EQ(app("ioctl", {kDirty, 0x541c | kDirty}), kEperm);
}

TEST(ConfineDefault, DeniesUnusualSockets) {
    for (std::uint64_t family = 0; family < 64; ++family) {
        const bool usual = family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
        const Action expected = usual ? kAllow : refusal(EAFNOSUPPORT);
        EXPECT_EQ(app("socket", {family, SOCK_STREAM, 0}), expected) << family;
        EXPECT_EQ(app("socket", {family | kDirty, SOCK_DGRAM, 0}), expected) << family;
        EXPECT_EQ(app("socketpair", {family | kDirty, SOCK_STREAM, 0}), expected) << family;
    }
}

TEST(ConfineDefault, AllowsOfNetlinkOnlyRoutes) {
    for (std::uint64_t protocol = 1; protocol < 32; ++protocol) {
        EXPECT_EQ(app("socket", {AF_NETLINK, SOCK_RAW, protocol}), refusal(EPROTONOSUPPORT)) << protocol;
        EXPECT_EQ(app("socket", {AF_NETLINK | kDirty, SOCK_RAW, protocol | kDirty}), refusal(EPROTONOSUPPORT))
            << protocol;
    }
    EXPECT_EQ(app("socket", {AF_NETLINK, SOCK_RAW, kDirty}), kAllow) << "the kernel reads protocol 0 there";
}

TEST(ConfineDefault, DeniesUndoingAddressRandomisation) {
    for (const std::uint64_t persona : std::initializer_list<std::uint64_t>{
             ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT, ADDR_LIMIT_32BIT}) {
        EXPECT_EQ(app("personality", {persona}), kEperm) << persona;
        EXPECT_EQ(app("personality", {persona | PER_LINUX32 | kDirty}), kEperm) << persona;
    }
    for (const std::uint64_t persona : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL, ~0ULL}) {
        EXPECT_EQ(app("personality", {persona}), kAllow) << persona;
    }
}

TEST(ConfineDefault, AllowsConfiningFurther) {
    for (const char* name : {"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}) {
        EXPECT_EQ(app(name), kAllow) << name;
    }
    EXPECT_EQ(app("prctl", {22 /* PR_SET_SECCOMP */, 2}), kAllow);
}

TEST(ConfineDefault, AllowsWhatNewLibrariesUse) {
    for (const char* name :
         {"fchmodat2",         "faccessat2", "openat2",      "close_range", "epoll_pwait2", "mseal",
          "map_shadow_stack",  "rseq",       "membarrier",   "futex_waitv", "futex_wait",   "futex_wake",
          "futex_requeue",     "cachestat",  "setxattrat",   "getxattrat",  "statx",        "pidfd_open",
          "pidfd_send_signal", "execveat",   "memfd_create", "getrandom"}) {
        EXPECT_EQ(app(name), kAllow) << name;
    }
}

// ---- the unknown

TEST(ConfineDefault, UnknownCallsGetEnosys) {
    for (const std::uint32_t number :
         {335U + 50U, 423U, 471U, 500U, 512U, 547U, 600U, 4095U, 0x3fffffffU, 0xffffffffU}) {
        EXPECT_EQ(ask(BuiltIn::kDefault, call_of(native_architecture(), number)), kEnosys) << number;
    }
}

TEST(ConfineDefault, WrongArchitectureIsKilled) {
    for (const BuiltIn which : {BuiltIn::kDefault, BuiltIn::kStrict, BuiltIn::kPid1}) {
        for (const std::uint32_t arch :
             {0U, std::uint32_t{AUDIT_ARCH_I386}, std::uint32_t{AUDIT_ARCH_ARM}, 0xffffffffU}) {
            seccomp_data call = call_of("read", {}, native_architecture());
            call.arch = arch;
            EXPECT_EQ(ask(which, call), kKill) << arch;
        }
    }
}

#ifdef __x86_64__
TEST(ConfineDefault, X32IsKilled) {
    for (const BuiltIn which : {BuiltIn::kDefault, BuiltIn::kStrict, BuiltIn::kPid1}) {
        for (std::uint32_t number = 0; number < 600; ++number) {
            ASSERT_EQ(ask(which, call_of(Architecture::kX86_64, number | kX32Bit)), kKill) << number;
        }
        EXPECT_EQ(ask(which, call_of(Architecture::kX86_64, 0x80000000)), kKill);
    }
}
#endif

TEST(ConfineDefault, EveryKnownCallIsDecidedByName) { expect_every_known_call_named("default.json"); }

// ---- the form

TEST(ConfineBuiltin, IsWhatItsSourceMeans) {
    for (const auto& [which, file] :
         {std::pair(BuiltIn::kDefault, "default.json"), std::pair(BuiltIn::kStrict, "strict.json"),
          std::pair(BuiltIn::kPid1, "pid1.json")}) {
        SCOPED_TRACE(file);
        const Profile profile = source(file);
        expect_same(profile, 600, [&](const seccomp_data& data) { return ask(which, data); }, Meaning(profile));
    }
}

TEST(ConfineBuiltin, IsShort) {
    EXPECT_LE(builtin(BuiltIn::kDefault).size(), 150U);
    EXPECT_LE(builtin(BuiltIn::kStrict).size(), 150U);
    EXPECT_LE(builtin(BuiltIn::kPid1).size(), 80U);
}

TEST(ConfineBuiltin, CarriesItsOwnDigest) {
    EXPECT_EQ(builtin_sha256(BuiltIn::kDefault), sha256(builtin(BuiltIn::kDefault)));
    EXPECT_EQ(builtin_sha256(BuiltIn::kPid1), sha256(builtin(BuiltIn::kPid1)));
    EXPECT_NE(builtin_sha256(BuiltIn::kDefault), builtin_sha256(BuiltIn::kPid1));
    EXPECT_EQ(builtin_sha256(BuiltIn::kDefault).size(), 64U);
}

// SHA-256 of nothing, FIPS 180-4.
TEST(ConfineBuiltin, DigestIsSha256) {
    EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// ---- PID 1's own

TEST(ConfinePid1, LeavesWhatTheLoopNeeds) {
    for (const char* name : {"ppoll",
                             "read",
                             "write",
                             "writev",
                             "rt_sigtimedwait",
                             "wait4",
                             "waitid",
                             "kill",
                             "rt_sigqueueinfo",
                             "pidfd_send_signal",
                             "exit_group",
                             "rt_sigreturn",
                             "restart_syscall",
                             "clock_gettime",
                             "close",
                             "munmap",
                             "brk",
                             "rt_sigprocmask",
                             "futex",
                             "setpgid",
                             "timerfd_settime",
                             "sendto",
                             "tgkill"}) {
        EXPECT_EQ(pid1(name), kAllow) << name;
    }
    EXPECT_EQ(pid1("ioctl", {0, 0x5410}), kAllow) << "TIOCSPGRP";
    EXPECT_EQ(pid1("ioctl", {0, 0x540f}), kAllow) << "TIOCGPGRP";
    EXPECT_EQ(pid1("mmap", {0, 4096, 3, 0x22}), kAllow);
}

TEST(ConfinePid1, LeavesNothingToBreakOutWith) {
    for (const char* name : {"execve",
                             "execveat",
                             "clone",
                             "clone3",
                             "openat",
                             "openat2",
                             "socket",
                             "connect",
                             "ptrace",
                             "mount",
                             "unshare",
                             "setns",
                             "bpf",
                             "io_uring_setup",
                             "memfd_create",
                             "process_vm_readv",
                             "prctl",
                             "seccomp",
                             "dup2",
                             "dup3",
                             "chmod",
                             "unlinkat",
                             "sched_setaffinity",
                             "prlimit64",
                             "setresuid",
                             "capset"}) {
        if (!has_call(name)) {
            continue;
        }
        const bool is_new = call_of(name, {}, native_architecture()).nr >
                            call_of("pidfd_send_signal", {}, native_architecture()).nr; // the newest that it names
        EXPECT_EQ(pid1(name), is_new ? kEnosys : kEperm) << name;
    }
    EXPECT_EQ(pid1("ioctl", {0, 0x5412}), kEperm) << "TIOCSTI";
    EXPECT_EQ(pid1("ioctl", {0, 0x5412 | kDirty}), kEperm) << "TIOCSTI";
    EXPECT_EQ(pid1("mmap", {0, 4096, 7, 0x22}), kEperm) << "PROT_EXEC";
    EXPECT_EQ(pid1("mprotect", {0, 4096, 5}), kEperm) << "PROT_EXEC";
}

// ---- PID 1 that answers emulated calls

TEST(ConfinePid1Listener, HasPid1sRightsAndWhatAnswersNeed) {
    const auto ask_listener = [](std::string_view name, std::initializer_list<std::uint64_t> args = {}) {
        return ask(BuiltIn::kPid1Listener, call_of(name, args, native_architecture()));
    };
    for (const Rule& rule : source("pid1.json").rules) {
        for (const std::string& name : rule.names) {
            if (rule.conditions.empty() && has_call(name)) {
                EXPECT_EQ(ask_listener(name), kAllow) << name;
            }
        }
    }
    for (const std::uint64_t request : {0xc0502100ULL, 0xc0182101ULL, 0x40082102ULL, 0x540fULL, 0x5410ULL}) {
        EXPECT_EQ(ask_listener("ioctl", {0, request}), kAllow) << request;
        EXPECT_EQ(pid1("ioctl", {0, request}) == kAllow, request < 0x10000) << "PID 1 as ever has nothing to answer";
    }
    EXPECT_EQ(ask_listener("ioctl", {0, 0x5412}), kEperm) << "TIOCSTI";
    EXPECT_EQ(ask_listener("openat", {3, 0, O_RDONLY | O_DIRECTORY | O_CLOEXEC}), kAllow);
    EXPECT_EQ(ask_listener("openat", {3, 0, O_WRONLY | O_CLOEXEC | O_NOCTTY}), kAllow);
    for (const unsigned flag : {unsigned{O_CREAT}, unsigned{O_TRUNC}, unsigned{O_APPEND}}) {
        EXPECT_EQ(ask_listener("openat", {3, 0, O_WRONLY | flag}), kEperm) << flag;
        EXPECT_EQ(ask_listener("openat", {3, 0, kDirty | O_WRONLY | flag}), kEperm) << flag;
    }
    EXPECT_EQ(ask_listener("prlimit64", {1, 7, 0, 0x1000}), kAllow);
    EXPECT_EQ(ask_listener("prlimit64", {1, 7, 0x1000, 0}), kEperm) << "sets a limit";
    constexpr const char* kBreaksOut[] = {"execve", "clone", "fork", "socket", "connect", "unlink", "process_vm_writev",
                                          "ptrace"};
    for (const char* name : kBreaksOut | std::views::filter(has_call)) {
        EXPECT_EQ(ask_listener(name), kEperm) << name;
    }
}

} // namespace
} // namespace stepdown::testing
