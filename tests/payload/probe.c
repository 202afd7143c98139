// One static program that reports from inside a container what the kernel says and what it still allows: the verbs of README.md,
// one behaviour each. `probe VERB [ARG]`; an unknown verb exits 2, so that a test cannot pass by a typing mistake.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "probe.h"

const char* name_of(int error) {
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

static const struct {
    const char* name;
    int (*run)(char** args);
} kVerbs[] = {
    {"status", do_status},         {"ids", do_ids},           {"env", do_environment}, {"fds", do_descriptors},
    {"cwd", do_directory},         {"args", do_arguments},    {"signals", do_signals}, {"read", do_read},
    {"try", do_try},               {"can", do_can},           {"exit", do_exit},       {"true", do_true},
    {"kill-self", do_kill_self},   {"sleep", do_sleep},       {"orphans", do_orphans}, {"ignore-term", do_ignore_term},
    {"wait-signal", do_wait_signal}, {"calls", do_calls},    {"caps", do_capabilities}, {"daemonize", do_daemonize},
    {"bind", do_bind},             {"chown", do_chown},         {"signal-1", do_signal_1},
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
