// Builds a filter with libseccomp from rules that seccomp.py has resolved, and writes the program to standard output.
// What it took goes to standard error, in nanoseconds: building the rules, and generating the program.
//
//     rules OPTIMIZE <<< "DEFAULT-ACTION / arch TOKEN... / rule ACTION NAME COUNT {INDEX OP VALUE VALUE2}..."
//
// OPTIMIZE is SCMP_FLTATR_CTL_OPTIMIZE: 1 a list in order of priority, 2 a binary tree.
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void check(int bad, const char* what) {
    if (bad != 0) {
        fprintf(stderr, "rules: %s: %s\n", what, strerror(-bad));
        exit(1);
    }
}

// A name that this libseccomp does not know is passed over, as runtimes do.
static void add(scmp_filter_ctx filter, uint32_t action, const char* name, unsigned count) {
    struct scmp_arg_cmp conditions[6];
    for (unsigned i = 0; i < count; ++i) {
        unsigned index, compare;
        uint64_t first, second;
        if (i >= 6 || scanf("%u %u %" SCNu64 " %" SCNu64, &index, &compare, &first, &second) != 4) {
            check(-22, "a condition");
        }
        conditions[i] = (struct scmp_arg_cmp){index, (enum scmp_compare)compare, first, second};
    }
    const int number = seccomp_syscall_resolve_name(name);
    if (number != __NR_SCMP_ERROR) {
        const int bad = seccomp_rule_add_array(filter, action, number, count, conditions);
        check(bad == -17 ? 0 : bad, name); // EEXIST: said twice
    }
}

int main(int argc, char** argv) {
    unsigned long fallback, token, action;
    unsigned count;
    char word[32], name[64];
    if (argc != 2 || scanf("%lu", &fallback) != 1) {
        return 2;
    }
    const double start = now();
    scmp_filter_ctx filter = seccomp_init((uint32_t)fallback);
    check(filter == NULL, "seccomp_init");
    check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, (uint32_t)atoi(argv[1])), "SCMP_FLTATR_CTL_OPTIMIZE");
    while (scanf("%31s", word) == 1) {
        if (strcmp(word, "arch") == 0 && scanf("%lu", &token) == 1) {
            const int bad = seccomp_arch_add(filter, (uint32_t)token);
            check(bad == -17 ? 0 : bad, "arch");
        } else if (scanf("%lu %63s %u", &action, name, &count) == 3) {
            add(filter, (uint32_t)action, name, count);
        }
    }
    const double built = now();
    check(seccomp_export_bpf(filter, STDOUT_FILENO), "seccomp_export_bpf");
    fprintf(stderr, "%.0f %.0f\n", built - start, now() - built);
    return 0;
}
