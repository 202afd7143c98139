#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <sys/types.h>

#include "commands/execute.hpp"
#include "commands/hooks.hpp"
#include "stepdown/error.hpp"
#include "stepdown/facts.hpp"
#include "supervise/signals.hpp"
#include "supervise/supervise.hpp"
#include "sys/fd.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

class RootListener;

struct Launch {
    struct Barrier;

    const Program& program;
    const Hooks& hooks;                  // those that run as the app, before it
    std::span<const sock_filter> filter; // the app's; empty: none
    const Facts& wanted;                 // of the app, filter included
    supervise::SignalState given_signals;
    unsigned filter_flags = 0;     // SECCOMP_FILTER_FLAG_*
    sys::Fd ruleset = {};          // Landlock's, none: not asked for; open until the child has used it
    bool landlocked = false;       // there was a ruleset
    bool as_is = false;            // nothing was dropped, so there is nothing to confine and to hold against
    bool new_session = false;      // see supervise::lead_process_group
    bool dies_with_parent = false; // the child is killed when this process ends first
    std::span<const sock_filter> emulation = {}; // loaded before the app's; empty: none
    bool listened = false;                       // and the other end of it is root's
    bool heard = false; // emulation is one filter for all, of whose calls PID 1 may hear from the moment it is loaded
    std::span<const int> handed_over = {}; // descriptors of the app's, which PID 1 closes; only spawn() reads it
    int terminal = -1;                     // to be handed to the app, or -1; only spawn() reads it
    Barrier* barrier = nullptr;            // spawn()'s own
    sys::Fd barrier_end = {};       // PID 1's, open until the app is: a child that still has to say that it is confined
                                    // would get SIGPIPE, one that waits would end
    RootListener* root = nullptr;   // where listened; release() gives it what it listens to
    supervise::OtherWork work = {}; // and answers with what is to be done in PID 1's loop
    int ready_from = -1;            // a descriptor of this process, which the app finds as ready_to; -1: none
    int ready_to = -1;
};

// Starts a child that confines itself and waits at a barrier; PID 1 may get ready meanwhile. What is borrowed must live
// until the child has ended, and one start at a time is all a process can do. This and release() are never inlined: PID
// 1 waits in their caller, and what they have on the stack would stay.
[[gnu::noinline]] Result<pid_t> spawn(sys::Kernel& kernel, Launch& what);

// PID 1 puts its own filter on, reads the child's state back from the kernel, holds it against wanted, and only then
// lets it execute. On any failure the child is gone and the app's first instruction has not run.
[[gnu::noinline]] Result<> release(sys::Kernel& kernel, Launch& what, pid_t child,
                                   std::span<const sock_filter> own_filter);

// To be asked when the child has ended: why the app was not executed, if it was not: a hook of its own, or execve(2).
struct Refusal {
    Error error;
    int number; // errno of execve(2); 0: a hook
};
std::optional<Refusal> refused_by_kernel(const Launch& what);

// The same without a child: confines, reads back and becomes the app. Returns only to say why not.
Error become(sys::Kernel& kernel, const Launch& what);

} // namespace stepdown::commands
