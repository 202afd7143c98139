#pragma once

#include <sys/types.h>

#include "sys/fd.hpp"

namespace stepdown::supervise {

// What the app leaves behind. PID 1 of a PID namespace reaches all of it with kill(-1, …). Any other process would hit
// the whole machine with that: it signals its own children, and those that come to it as their parents end.
class Rest {
  public:
    // Before the filter, which forbids open(2): opens the kernel's list of this process's children.
    static Rest open() noexcept;

    // To all, or only to those children that no signal has been sent to yet: as PID 1, that have been forked since all
    // were told (and not by a number from before it, should numbers have begun anew meanwhile). With SIGTERM goes
    // SIGCONT, since a stopped process would not end. False: it cannot reach anybody, so that there is no use in
    // waiting.
    bool signal(int number, bool only_new) noexcept;

    // The number is free to be another process's now.
    void reaped(pid_t pid) noexcept;

  private:
    void signal_children(int number, bool only_new) noexcept;
    void signal_child(pid_t pid, int number, bool only_new) noexcept;

    pid_t last_pid() const noexcept;

    bool own_namespace_ = false;
    bool any_told_ = false; // by itself
    pid_t told_up_to_ = 0;  // with kill(-1, …): the youngest then
    sys::Fd children_;      // /proc/PID/task/TID/children
    sys::Fd last_pid_;      // of this PID namespace
};

} // namespace stepdown::supervise
