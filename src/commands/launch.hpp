#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/facts.hpp"
#include "supervise/signals.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// What is executed: argv and envp end with a null pointer, as execve(2) wants them; candidates are the paths to try, in
// order (one, or one for each directory in PATH). All of it is made before the drop, since nothing may be allocated
// after a fork.
struct Program {
    std::vector<std::string> candidates;
    std::vector<char*> argv;
    std::vector<char*> envp;
};

struct Launch {
    struct Barrier;

    const Program& program;
    std::span<const sock_filter> filter; // the app's; empty: none
    const Facts& wanted;                 // of the app, filter included
    supervise::SignalState given_signals;
    std::span<const sock_filter> emulation = {};  // loaded before the app's; empty: none
    bool listened = false;                        // and launch() answers with the other end of it, in listener
    std::span<const sock_filter> own_filter = {}; // PID 1's; only launch() reads it
    int terminal = -1;                            // to be handed to the app, or -1; likewise
    Barrier* barrier = nullptr;                   // launch()'s own
    sys::Fd listener = {};                        // what it answers with
};

// Starts the app behind a barrier: the child confines itself and waits; PID 1 confines itself at the same time, reads
// the child's state back from the kernel, holds it against wanted, and only then lets it execute. On any failure the
// child is gone and the app's first instruction has not run. Returns the pid as soon as the child is released; what is
// borrowed must live until it has ended, and one start at a time is all a process can do.
Result<pid_t> launch(sys::Kernel& kernel, Launch& what);

// To be asked when the child has ended: why execve(2) refused the app, if it did.
std::optional<Error> refused_by_kernel(const Launch& what);

// The same without a child: confines, reads back and becomes the app. Returns only to say why not.
Error become(sys::Kernel& kernel, const Launch& what);

} // namespace stepdown::commands
