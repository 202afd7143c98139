// One static program that reports from inside a container what the kernel says and what it still allows: the verbs of README.md,
// one behaviour each. `probe VERB [ARG]`; an unknown verb exits 2, so that a test cannot pass by a typing mistake.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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

// ---- What the app could do: each answers 0, or -1 with errno, as the system call did.

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
static int try_mount(void) { return mount("none", "/tmp", "tmpfs", 0, ""); }
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

static const char* name_of(int error) {
    switch (error) {
    case EPERM: return "EPERM";
    case EACCES: return "EACCES";
    case ENOSYS: return "ENOSYS";
    case EINVAL: return "EINVAL";
    case ENOTTY: return "ENOTTY";
    case EIO: return "EIO";
    case EFAULT: return "EFAULT";
    case ESRCH: return "ESRCH";
    case EAFNOSUPPORT: return "EAFNOSUPPORT";
    default: return strerror(error);
    }
}

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

static int do_try(char** args) {
    for (size_t i = 0; args[0] != NULL && i < sizeof kTries / sizeof *kTries; ++i) {
        if (strcmp(kTries[i].name, args[0]) == 0) {
            return report_try(kTries[i].name, kTries[i].run);
        }
    }
    return 2;
}

static int do_can(char** args) {
    (void)args;
    for (size_t i = 0; i < sizeof kTries / sizeof *kTries; ++i) {
        report_try(kTries[i].name, kTries[i].run);
    }
    return 0;
}

// ---- What the kernel says.

static int copy_file(const char* path) {
    char buffer[4096];
    const int fd = open(path, O_RDONLY);
    ssize_t got = -1;
    while (fd >= 0 && (got = read(fd, buffer, sizeof buffer)) > 0) {
        fwrite(buffer, 1, (size_t)got, stdout);
    }
    if (got < 0) {
        printf("%s: %s\n", path, name_of(errno));
    }
    return got < 0;
}

static int do_status(char** args) {
    (void)args;
    return copy_file("/proc/self/status");
}

static int do_read(char** args) { return args[0] == NULL ? 2 : copy_file(args[0]); }

static int do_ids(char** args) {
    (void)args;
    uid_t u[3];
    gid_t g[3], groups[64];
    getresuid(&u[0], &u[1], &u[2]);
    getresgid(&g[0], &g[1], &g[2]);
    printf("uid %u %u %u\ngid %u %u %u\ngroups", u[0], u[1], u[2], g[0], g[1], g[2]);
    for (int i = 0, count = getgroups(64, groups); i < count; ++i) {
        printf(" %u", groups[i]);
    }
    printf("\npid %d\nppid %d\npgid %d\nsid %d\n", getpid(), getppid(), getpgrp(), getsid(0));
    return 0;
}

static int do_environment(char** args) {
    const char* value = args[0] == NULL ? NULL : getenv(args[0]);
    if (value != NULL) {
        puts(value);
    }
    return value == NULL;
}

static int do_descriptors(char** args) {
    (void)args;
    for (int fd = 0; fd < 1024; ++fd) {
        if (fcntl(fd, F_GETFD) >= 0) {
            printf("%d\n", fd);
        }
    }
    return 0;
}

static int do_directory(char** args) {
    (void)args;
    char path[4096];
    puts(getcwd(path, sizeof path) == NULL ? name_of(errno) : path);
    return 0;
}

static int do_arguments(char** args) {
    for (; *args != NULL; ++args) {
        puts(*args);
    }
    return 0;
}

// Blocked and ignored signals by number, the C library's own (32 to 34) included: from the kernel's own masks.
static int do_signals(char** args) {
    (void)args;
    unsigned long blocked = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof blocked);
    printf("blocked");
    for (int n = 1; n <= 64; ++n) {
        if (blocked >> (n - 1) & 1) {
            printf(" %d", n);
        }
    }
    printf("\nignored");
    for (int n = 1; n <= 64; ++n) {
        struct { void (*handler)(int); unsigned long flags; void (*restorer)(void); unsigned long mask; } action;
        if (syscall(SYS_rt_sigaction, n, NULL, &action, sizeof action.mask) == 0 && action.handler == SIG_IGN) {
            printf(" %d", n);
        }
    }
    puts("");
    return 0;
}

// ---- What an app does: ways to live and to end.

static int do_exit(char** args) { return args[0] == NULL ? 2 : atoi(args[0]); }
static int do_true(char** args) { return (void)args, 0; }

static int do_kill_self(char** args) {
    if (args[0] != NULL) {
        kill(getpid(), atoi(args[0]));
        pause();
    }
    return 2;
}

static int do_sleep(char** args) {
    sleep(args[0] == NULL ? 3600 : (unsigned)atoi(args[0]));
    return 0;
}

static int do_ignore_term(char** args) {
    signal(SIGTERM, SIG_IGN);
    puts("ready");
    fflush(stdout);
    return do_sleep(args);
}

// Waits for any signal by sigwaitinfo(2); prints its number, where it came from and its value.
static int do_wait_signal(char** args) {
    (void)args;
    sigset_t every;
    memset(&every, 0xff, sizeof every);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, 8);
    puts("ready");
    fflush(stdout);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    const long number = syscall(SYS_rt_sigtimedwait, &every, &info, NULL, 8);
    printf("signal %ld value %d\n", number, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
    return 0;
}

// Orphans that outlive their parent: each double-forked child exits at once, or sleeps as long as the second argument says.
static int do_orphans(char** args) {
    const int count = args[0] == NULL ? 1 : atoi(args[0]);
    const unsigned seconds = args[0] == NULL || args[1] == NULL ? 0 : (unsigned)atoi(args[1]);
    for (int i = 0; i < count; ++i) {
        const pid_t pid = fork();
        if (pid == 0) {
            if (fork() == 0) {
                sleep(seconds);
            }
            _exit(0);
        }
        if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
            printf("fork: %s\n", name_of(errno));
            return 1;
        }
    }
    puts("ready");
    fflush(stdout);
    return 0;
}

// Each argument is a call by number with its arguments, "41:16:3:0"; what is left out is -1, which no call can use. A child
// a call, so that one that is killed for it can be told: "41:16:3:0 1", "41:16:3:0 signal 31".
static int do_calls(char** args) {
    for (; *args != NULL; ++args) {
        long words[7] = {-1, -1, -1, -1, -1, -1, -1};
        char* rest = *args;
        for (int i = 0; i < 7 && *rest != '\0'; ++i) {
            words[i] = (long)strtoull(rest, &rest, 0);
            rest += *rest == ':';
        }
        const pid_t pid = fork();
        if (pid == 0) {
            const long result = syscall(words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
            const int error = result < 0 ? errno : 0;
            _exit(dprintf(1, "%s %d\n", *args, error) > 0 ? 0 : 1);
        }
        int status = 0;
        if (pid < 0 || waitpid(pid, &status, 0) != pid) {
            return 1;
        }
        if (WIFSIGNALED(status)) {
            dprintf(1, "%s signal %d\n", *args, WTERMSIG(status));
        }
    }
    return 0;
}

static const struct {
    const char* name;
    int (*run)(char** args);
} kVerbs[] = {
    {"status", do_status},         {"ids", do_ids},           {"env", do_environment}, {"fds", do_descriptors},
    {"cwd", do_directory},         {"args", do_arguments},    {"signals", do_signals}, {"read", do_read},
    {"try", do_try},               {"can", do_can},           {"exit", do_exit},       {"true", do_true},
    {"kill-self", do_kill_self},   {"sleep", do_sleep},       {"orphans", do_orphans}, {"ignore-term", do_ignore_term},
    {"wait-signal", do_wait_signal}, {"calls", do_calls},
};

int main(int argc, char** argv) {
    for (size_t i = 0; argc > 1 && i < sizeof kVerbs / sizeof *kVerbs; ++i) {
        if (strcmp(kVerbs[i].name, argv[1]) == 0) {
            return kVerbs[i].run(argv + 2);
        }
    }
    fprintf(stderr, "probe: no such verb\n");
    return 2;
}
