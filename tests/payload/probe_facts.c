// What the kernel says.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

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

int do_status(char** args) {
    (void)args;
    return copy_file("/proc/self/status");
}

int do_read(char** args) { return args[0] == NULL ? 2 : copy_file(args[0]); }

int do_ids(char** args) {
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

// The five sets, 64 bits each, by system calls: no /proc is needed.
int do_capabilities(char** args) {
    (void)args;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct low_high[2];
    if (syscall(SYS_capget, &header, low_high) != 0) {
        puts(name_of(errno));
        return 1;
    }
    unsigned long long bounding = 0, ambient = 0;
    for (int n = 0; n < 64; ++n) {
        bounding |= prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1 ? 1ULL << n : 0;
        ambient |= prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, n, 0, 0) == 1 ? 1ULL << n : 0;
    }
    printf("CapInh %08x%08x\nCapPrm %08x%08x\nCapEff %08x%08x\nCapBnd %016llx\nCapAmb %016llx\n", low_high[1].inheritable,
           low_high[0].inheritable, low_high[1].permitted, low_high[0].permitted, low_high[1].effective, low_high[0].effective,
           bounding, ambient);
    return 0;
}

int do_environment(char** args) {
    const char* value = args[0] == NULL ? NULL : getenv(args[0]);
    if (value != NULL) {
        puts(value);
    }
    return value == NULL;
}

int do_descriptors(char** args) {
    (void)args;
    for (int fd = 0; fd < 1024; ++fd) {
        if (fcntl(fd, F_GETFD) >= 0) {
            printf("%d\n", fd);
        }
    }
    return 0;
}

int do_directory(char** args) {
    (void)args;
    char path[4096];
    puts(getcwd(path, sizeof path) == NULL ? name_of(errno) : path);
    return 0;
}

int do_arguments(char** args) {
    for (; *args != NULL; ++args) {
        puts(*args);
    }
    return 0;
}

// Blocked and ignored signals by number, the C library's own (32 to 34) included: from the kernel's own masks.
int do_signals(char** args) {
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
