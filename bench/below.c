// The app below a supervisor, for pid1.py. "echo": a byte to standard output for each SIGUSR1. "orphans N": leaves N processes
// to PID 1, which end at once, then a byte, and waits.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void echo(void) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    for (;;) {
        int number;
        (void)!write(STDOUT_FILENO, "r", 1);
        sigwait(&wanted, &number);
    }
}

static void leave_orphans(int count) {
    while (count > 0) {
        const int part = count < 100 ? count : 100;
        if (fork() == 0) {
            for (int i = 0; i < part; ++i) {
                if (fork() == 0) {
                    _exit(0);
                }
            }
            _exit(0);
        }
        wait(NULL);
        count -= part;
    }
    (void)!write(STDOUT_FILENO, "r", 1);
    pause();
}

int main(int argc, char** argv) {
    if (argc > 2 && strcmp(argv[1], "orphans") == 0) {
        leave_orphans(atoi(argv[2]));
    }
    echo();
    return 0;
}
