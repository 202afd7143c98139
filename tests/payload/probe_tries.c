// What the app could do.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

// Each answers 0, or -1 with errno, as the system call did.

// For calls with arguments that mean nothing: EFAULT, EINVAL and the like are answers from behind the door.
static int is_open(long result) { return result >= 0 || (errno != EPERM && errno != EACCES && errno != ENOSYS) ? 0 : -1; }

static int try_setuid0(void) { return (int)syscall(SYS_setresuid, 0, 0, 0); }
static int try_setgid0(void) { return (int)syscall(SYS_setresgid, 0, 0, 0); }

static int try_setgroups(void) {
    const gid_t root = 0;
    return (int)syscall(SYS_setgroups, 1, &root);
}

static int try_raw_socket(void) { return socket(AF_INET, SOCK_RAW, 1); }
static int try_packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
static int try_mount(void) { return mount("none", "/tmp", "tmpfs", 0, "") < 0 ? -1 : umount2("/tmp", MNT_DETACH); }
static int try_unshare_user(void) { return unshare(CLONE_NEWUSER); }

static int try_clone_user(void) {
    const long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        _exit(0);
    }
    return pid < 0 ? -1 : (int)waitpid((pid_t)pid, NULL, 0);
}

static int try_clone3(void) { return is_open(syscall(SYS_clone3, NULL, 0)); }
static int try_clone3_user(void) {
    const unsigned long long arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
    const long pid = syscall(SYS_clone3, arguments, sizeof arguments);
    if (pid == 0) {
        _exit(0);
    }
    return pid < 0 ? -1 : (int)waitpid((pid_t)pid, NULL, 0);
}

static int try_unshare_mount(void) { return unshare(CLONE_NEWNS); }
static int try_fsopen(void) { return (int)syscall(SYS_fsopen, "tmpfs", 0); }

static int try_getfd_1(void) {
    const long pidfd = syscall(SYS_pidfd_open, 1, 0);
    return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
}

static int try_traced(void) { return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static int try_ptrace_1(void) { return (int)ptrace(PTRACE_SEIZE, 1, NULL, NULL); } // ATTACH would leave it stopped

static int try_read_memory_1(void) {
    char byte;
    struct iovec local = {&byte, 1}, remote = {(void*)0x10000, 1};
    return is_open(process_vm_readv(1, &local, 1, &remote, 1, 0));
}

static int try_open_memory_1(void) { return open("/proc/1/mem", O_RDONLY); }
static int try_environment_1(void) { return open("/proc/1/environ", O_RDONLY); }

static int try_tiocsti(void) {
    const char line = '\n';
    return ioctl(0, TIOCSTI, &line);
}

static int try_tioclinux(void) {
    const char get_shift_state = 6; // changes nothing: ioctl_console(2)
    return ioctl(0, TIOCLINUX, &get_shift_state) < 0 ? -1 : 0;
}

// The kernel takes an int and ignores the register's upper half: a filter that compares 64 bits is passed by.
static int try_dirty_tiocsti(void) {
    const char line = '\n';
    return (int)syscall(SYS_ioctl, 0, 1UL << 32 | TIOCSTI, &line);
}

static int try_dirty_alg_socket(void) { return (int)syscall(SYS_socket, 1UL << 32 | AF_ALG, SOCK_SEQPACKET, 0); }
static int try_keyring(void) { return (int)syscall(SYS_keyctl, 0, -3, 0); }
static int try_bpf(void) { return is_open(syscall(SYS_bpf, 0, NULL, 0)); }
static int try_io_uring(void) { return is_open(syscall(SYS_io_uring_setup, 1, NULL)); }
static int try_perf(void) { return is_open(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); }
static int try_userfaultfd(void) { return is_open(syscall(SYS_userfaultfd, 1)); } // UFFD_USER_MODE_ONLY
static int try_init_module(void) { return is_open(syscall(SYS_init_module, NULL, 0, "")); }
static int try_kexec(void) { return is_open(syscall(SYS_kexec_load, 0, 0, NULL, ~0UL)); }
static int try_open_by_handle(void) { return is_open(syscall(SYS_open_by_handle_at, -1, NULL, 0)); }
static int try_kernel_log(void) { return (int)syscall(SYS_syslog, 3, (char[16]){0}, 16); }

static int try_make_device(void) {
    return mknod("/tmp/probe-device", S_IFBLK | 0600, 0x700) < 0 ? -1 : unlink("/tmp/probe-device"); // loop0
}

static int try_personality(void) { return (int)syscall(SYS_personality, 0x0040000); } // ADDR_NO_RANDOMIZE
static int try_chroot(void) { return chroot("/"); }
static int try_clear_no_new_privs(void) { return prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0); }
static int try_unlock_securebits(void) { return prctl(PR_SET_SECUREBITS, 0, 0, 0, 0); }
static int try_ambient_raise(void) { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0); }

static const struct {
    const char* name;
    int (*run)(void);
} kTries[] = {
    {"setuid0", try_setuid0},
    {"setgid0", try_setgid0},
    {"setgroups", try_setgroups},
    {"raw-socket", try_raw_socket},
    {"packet-socket", try_packet_socket},
    {"mount", try_mount},
    {"unshare-user", try_unshare_user},
    {"clone-user", try_clone_user},
    {"clone3", try_clone3},
    {"clone3-user", try_clone3_user},
    {"unshare-mount", try_unshare_mount},
    {"fsopen", try_fsopen},
    {"getfd-1", try_getfd_1},
    {"traced", try_traced},
    {"ptrace-1", try_ptrace_1},
    {"read-memory-1", try_read_memory_1},
    {"open-memory-1", try_open_memory_1},
    {"environment-1", try_environment_1},
    {"tiocsti", try_tiocsti},
    {"dirty-tiocsti", try_dirty_tiocsti},
    {"tioclinux", try_tioclinux},
    {"dirty-alg-socket", try_dirty_alg_socket},
    {"keyring", try_keyring},
    {"bpf", try_bpf},
    {"io-uring", try_io_uring},
    {"perf", try_perf},
    {"userfaultfd", try_userfaultfd},
    {"init-module", try_init_module},
    {"kexec", try_kexec},
    {"open-by-handle", try_open_by_handle},
    {"kernel-log", try_kernel_log},
    {"make-device", try_make_device},
    {"personality", try_personality},
    {"chroot", try_chroot},
    {"clear-no-new-privs", try_clear_no_new_privs},
    {"unlock-securebits", try_unlock_securebits},
    {"ambient-raise", try_ambient_raise},
};

// In a child: a try that succeeds must not change what the next one finds.
static int report_try(const char* name, int (*run)(void)) {
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        errno = 0;
        const int failed = run() < 0;
        printf("%s: %s\n", name, failed ? name_of(errno) : "ok");
        fflush(stdout);
        _exit(failed ? 1 : 0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        printf("%s: killed by signal %d\n", name, WTERMSIG(status));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int do_try(char** args) {
    for (size_t i = 0; args[0] != NULL && i < sizeof kTries / sizeof *kTries; ++i) {
        if (strcmp(kTries[i].name, args[0]) == 0) {
            return report_try(kTries[i].name, kTries[i].run);
        }
    }
    return 2;
}

int do_can(char** args) {
    (void)args;
    for (size_t i = 0; i < sizeof kTries / sizeof *kTries; ++i) {
        report_try(kTries[i].name, kTries[i].run);
    }
    return 0;
}

static int report(const char* what, int failed) {
    printf("%s: %s\n", what, failed ? name_of(errno) : "ok");
    return failed;
}

// A TCP port of the loopback address.
int do_bind(char** args) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (args[0] == NULL) {
        return 2;
    }
    address.sin_port = htons((unsigned short)atoi(args[0]));
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    return report("bind", fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) < 0);
}

// Whether it might: the app may of course signal its own uid's PID 1.
int do_signal_1(char** args) {
    (void)args;
    return report("signal-1", kill(1, 0) < 0);
}

// PATH UID
int do_chown(char** args) {
    return args[0] == NULL || args[1] == NULL ? 2 : report("chown", lchown(args[0], (uid_t)atoi(args[1]), (gid_t)-1) < 0);
}
