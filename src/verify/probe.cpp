#include "verify/probe.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace stepdown::verify {
namespace {

// The system calls themselves: a C library's functions would do more, and for other threads too.
template <class... Args> int call(long number, Args... args) { return ::syscall(number, args...) < 0 ? errno : 0; }

template <class... Args> int call_fd(long number, Args... args) {
    const long fd = ::syscall(number, args...);
    if (fd < 0) {
        return errno;
    }
    ::close(static_cast<int>(fd));
    return 0;
}

int raise_capabilities() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const __user_cap_data_struct one{.effective = 1U << CAP_NET_RAW, .permitted = 1U << CAP_NET_RAW, .inheritable = 0};
    const __user_cap_data_struct data[2] = {one, {}};
    return call(SYS_capset, &header, data);
}

// sysctl dev.tty.legacy_tiocsti of Linux 6.2: 0 refuses it to who has no CAP_SYS_ADMIN.
bool kernel_refuses_tiocsti() {
    char value = '1';
    const long fd = ::syscall(SYS_openat, AT_FDCWD, "/proc/sys/dev/tty/legacy_tiocsti", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)::syscall(SYS_read, fd, &value, 1);
        ::close(static_cast<int>(fd));
    }
    return value == '0';
}

// With a letter that is nowhere: what refuses the call says so before anybody looks for the letter, and none is typed.
// Without a terminal of its own the child can see whether the filter refuses the call, not whether a terminal would.
int push_into_terminal() {
    const char* const nowhere = nullptr;
    const long fd = ::syscall(SYS_openat, AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    const int error = call(SYS_ioctl, fd < 0 ? -1 : fd, TIOCSTI, nowhere);
    if (fd >= 0) {
        ::close(static_cast<int>(fd));
        return error == EFAULT ? 0 : error;
    }
    return error != EBADF ? error : kernel_refuses_tiocsti() ? EIO : kNotTried;
}

int seize_init() {
    const int error = call(SYS_ptrace, PTRACE_SEIZE, 1, 0, 0); // does not stop it
    if (error == 0) {
        (void)call(SYS_ptrace, PTRACE_DETACH, 1, 0, 0);
    }
    return error;
}

constexpr gid_t kRootGroup = 0;

constexpr std::array kAttempts = {
    Attempt{.id = "probe.setuid",
            .title = "become uid 0 again",
            .severity = Severity::kCritical,
            .of_root = true,
            .attempt = [] { return call(SYS_setuid, 0); }},
    Attempt{.id = "probe.setgid",
            .title = "become gid 0 again",
            .severity = Severity::kHigh,
            .of_root = true,
            .attempt = [] { return call(SYS_setgid, 0); }},
    Attempt{.id = "probe.setgroups",
            .title = "enter root's group",
            .severity = Severity::kHigh,
            .attempt = [] { return call(SYS_setgroups, 1, &kRootGroup); }},
    Attempt{.id = "probe.capset",
            .title = "take a capability",
            .severity = Severity::kCritical,
            .attempt = raise_capabilities},
    Attempt{.id = "probe.ambient",
            .title = "raise an ambient capability",
            .severity = Severity::kCritical,
            .attempt = [] { return call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0); }},
    Attempt{.id = "probe.no_new_privs",
            .title = "clear no_new_privs",
            .severity = Severity::kHigh,
            .attempt = [] { return call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0); }},
    Attempt{.id = "probe.securebits",
            .title = "unlock the securebits",
            .severity = Severity::kHigh,
            .attempt = [] { return call(SYS_prctl, PR_SET_SECUREBITS, 0, 0, 0, 0); }},
    Attempt{.id = "probe.user_namespace",
            .title = "be root in a user namespace of its own",
            .severity = Severity::kHigh,
            .attempt = [] { return call(SYS_unshare, CLONE_NEWUSER); }},
    Attempt{.id = "probe.raw_socket",
            .title = "open a raw socket",
            .severity = Severity::kMedium,
            .attempt = [] { return call_fd(SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP); }},
    Attempt{.id = "probe.packet_socket",
            .title = "open a packet socket",
            .severity = Severity::kMedium,
            .attempt = [] { return call_fd(SYS_socket, AF_PACKET, SOCK_RAW, 0); }},
    Attempt{.id = "probe.mount",
            .title = "make a mount",
            .severity = Severity::kCritical,
            .attempt = [] { return call_fd(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */); }},
    Attempt{.id = "probe.terminal",
            .title = "type into a terminal (TIOCSTI)",
            .severity = Severity::kHigh,
            .attempt = push_into_terminal},
    Attempt{.id = "probe.trace_init",
            .title = "trace PID 1",
            .severity = Severity::kHigh,
            .at_init = true,
            .attempt = seize_init},
    Attempt{.id = "probe.memory_init",
            .title = "read the memory of PID 1",
            .severity = Severity::kHigh,
            .at_init = true,
            .attempt = [] { return call_fd(SYS_openat, AT_FDCWD, "/proc/1/mem", O_RDONLY | O_CLOEXEC); }},
    Attempt{.id = "probe.environment_init",
            .title = "read the environment of PID 1",
            .severity = Severity::kMedium,
            .at_init = true,
            .attempt = [] { return call_fd(SYS_openat, AT_FDCWD, "/proc/1/environ", O_RDONLY | O_CLOEXEC); }},
};

} // namespace

std::span<const Attempt> attempts() { return kAttempts; }

Finding attempt_finding(const Attempt& attempt, int outcome) {
    const Verdict verdict = outcome == kNotTried ? Verdict::kSkipped : outcome == 0 ? Verdict::kFail : Verdict::kPass;
    Finding finding{.check = std::string(attempt.id),
                    .verdict = verdict,
                    .expected = "refused",
                    .observed = outcome == kNotTried
                                    ? "not tried: it means nothing here, or there is nothing to try it on"
                                : outcome == 0 ? "it could"
                                               : std::strerror(outcome),
                    .severity = attempt.severity,
                    .title = attempt.title,
                    .references = "OWASP-Docker-D04"};
    if (outcome == 0) {
        finding.remedy = "the app can do this: start it with the default profile, and without capabilities";
    }
    return finding;
}

} // namespace stepdown::verify
