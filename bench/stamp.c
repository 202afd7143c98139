// Says on its standard output what CLOCK_MONOTONIC was at its first instruction (16 bytes, a struct timespec).
// Standard output, because a wrapper may well close every descriptor above 2.
#if !defined(__x86_64__)
#error "written for x86-64"
#endif

static long call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

void _start(void) {
    long now[2];
    call(228 /* clock_gettime */, 1 /* CLOCK_MONOTONIC */, (long)now, 0);
    const long written = call(1 /* write */, 1, (long)now, sizeof now);
    call(231 /* exit_group */, written == sizeof now ? 0 : 1, 0, 0);
    __builtin_unreachable();
}
