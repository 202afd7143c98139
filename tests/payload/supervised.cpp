// What PID 1's tests run as the app: says on standard output what reaches it.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr std::uint64_t kEvery = ~std::uint64_t{0};

// One line a signal: number, si_code, value.
[[noreturn]] void record() {
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &kEvery, nullptr, sizeof kEvery);
    std::puts("ready");
    for (;;) {
        siginfo_t got{};
        const auto number = ::syscall(SYS_rt_sigtimedwait, &kEvery, &got, nullptr, sizeof kEvery);
        if (number > 0) {
            std::printf("%ld %d %d\n", number, got.si_code, got.si_code == SI_QUEUE ? got.si_value.sival_int : 0);
        }
    }
}

// As the kernel has it, not as a C library would tell.
int tell_state() {
    std::array<char, 8192> status{};
    const int file = ::open("/proc/self/status", O_RDONLY);
    if (file < 0 || ::read(file, status.data(), status.size() - 1) <= 0) {
        return 1;
    }
    for (const char* name : {"SigBlk:", "SigIgn:"}) {
        const char* line = std::strstr(status.data(), name);
        std::printf("%.*s\n", static_cast<int>(std::strcspn(line, "\n")), line);
    }
    return 0;
}

// Double forks: the middle one ends, the last one is PID 1's. They end at once, or wait to be ended.
int leave_orphans(int count, bool waiting) {
    for (int i = 0; i < count; ++i) {
        const pid_t middle = ::fork();
        if (middle == 0) {
            if (::fork() == 0 && waiting) {
                ::pause();
            }
            ::_exit(0);
        }
        if (middle < 0 || ::waitpid(middle, nullptr, 0) != middle) {
            return 1;
        }
    }
    std::puts("ready");
    return 0;
}

volatile std::sig_atomic_t signals_got = 0;

// As many as asked for, each PID 1's child at once and ended when the next begins.
[[noreturn]] void fork_without_end(int count) {
    struct sigaction counted{};
    counted.sa_handler = [](int) { signals_got = signals_got + 1; };
    ::sigaction(SIGUSR1, &counted, nullptr);
    std::puts("ready");
    alignas(16) static std::array<char, 16384> stack;
    const auto nothing = [](void*) { return 0; };
    constexpr int kFlags = CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD;
    int told = 0;
    const auto tell = [&told] {
        if (const int got = signals_got; got != told) {
            told = got;
            std::printf("got %d\n", got);
        }
    };
    for (int made = 0; made < count; tell()) {
        if (::clone(nothing, stack.data() + stack.size(), kFlags, nullptr) > 0) {
            ++made;
        } else {
            ::sched_yield(); // no number is free: PID 1 has not reaped them yet
        }
    }
    std::puts("done");
    for (;;) {
        ::pause();
        tell();
    }
}

// Orphans by the hundred at a time. They end at once, or all together when standard input has: nobody writes to the
// gate.
int leave_crowd(int count, bool together) {
    constexpr int kPart = 500;
    int gate[2];
    if (::pipe(gate) < 0) {
        return 1;
    }
    for (int made = 0; made < count; made += kPart) {
        const pid_t middle = ::fork();
        if (middle == 0) {
            ::close(gate[1]);
            for (int i = 0; i < kPart && made + i < count; ++i) {
                char byte = 0;
                if (::fork() == 0) {
                    ::_exit(together ? static_cast<int>(::read(gate[0], &byte, 1)) : 0);
                }
            }
            ::_exit(0);
        }
        if (middle < 0 || ::waitpid(middle, nullptr, 0) != middle) {
            return 1;
        }
    }
    std::puts("made");
    ::close(gate[1]);
    std::getchar();
    return 0;
}

int die_by(int number) {
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    ::raise(number);
    return 1;
}

// What another process of the same uid must not be able to do to PID 1; one line each.
int attack() {
    const auto tell = [](const char* what, long answer) {
        std::printf("%s: %s\n", what, answer < 0 ? std::strerror(errno) : "done");
    };
    for (const int number : {SIGKILL, SIGSTOP}) {
        tell("kill", ::kill(1, number)); // the kernel says yes and does nothing
    }
    tell("attach", ::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr));
    tell("seize", ::ptrace(PTRACE_SEIZE, 1, nullptr, nullptr));
    char byte = 0;
    iovec here{.iov_base = &byte, .iov_len = 1};
    iovec there{.iov_base = &byte, .iov_len = 1};
    tell("read memory", ::process_vm_readv(1, &here, 1, &there, 1, 0));
    tell("open memory", ::open("/proc/1/mem", O_RDWR));
    tell("open descriptors", ::open("/proc/1/fd", O_RDONLY | O_DIRECTORY));
    return 5;
}

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    const std::string_view mode = argc > 1 ? argv[1] : "";
    const int number = argc > 2 ? std::atoi(argv[2]) : 0;
    if (mode == "record") {
        record();
    } else if (mode == "state") {
        return tell_state();
    } else if (mode == "orphans") {
        return leave_orphans(number, false);
    } else if (mode == "waiting-orphans") {
        return leave_orphans(number, true);
    } else if (mode == "orphans-and-pause") {
        leave_orphans(number, false);
        ::pause();
    } else if (mode == "crowd") {
        return leave_crowd(number, false);
    } else if (mode == "crowd-together") {
        return leave_crowd(number, true);
    } else if (mode == "forks") {
        fork_without_end(number);
    } else if (mode == "die") {
        return die_by(number);
    } else if (mode == "exit") {
        return number;
    } else if (mode == "pause") {
        std::puts("ready");
        ::pause();
    } else if (mode == "attack") {
        return attack();
    }
    return 99;
}
