// What an app does: ways to live and to end.

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

int do_exit(char** args) { return args[0] == NULL ? 2 : atoi(args[0]); }
int do_true(char** args) { return (void)args, 0; }

int do_kill_self(char** args) {
    if (args[0] != NULL) {
        kill(getpid(), atoi(args[0]));
        pause();
    }
    return 2;
}

int do_sleep(char** args) {
    sleep(args[0] == NULL ? 3600 : (unsigned)atoi(args[0]));
    return 0;
}

int do_ignore_term(char** args) {
    signal(SIGTERM, SIG_IGN);
    puts("ready");
    fflush(stdout);
    return do_sleep(args);
}

// Waits for any signal by sigwaitinfo(2); prints its number, where it came from and its value.
int do_wait_signal(char** args) {
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
int do_orphans(char** args) {
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

// As a daemon of old: its first process ends, another one of a session of its own goes on, here for as long as the argument says.
int do_daemonize(char** args) {
    const pid_t pid = fork();
    if (pid != 0) {
        return pid < 0;
    }
    if (setsid() < 0 || fork() != 0) {
        _exit(0);
    }
    _exit(do_sleep(args));
}

// Each argument is a call by number with its arguments, "41:16:3:0"; what is left out is -1, which no call can use. A child
// a call, so that one that is killed for it can be told: "41:16:3:0 1", "41:16:3:0 signal 31".
int do_calls(char** args) {
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
