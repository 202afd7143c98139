#pragma once

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "sys/fd.hpp"

namespace stepdown::supervise {

// PID 1's watch: forwards every signal to the app exactly once, with the value of sigqueue(3), and reaps every child.
// Allocates nothing, writes nothing, asks for no right that PID 1's own filter (seccomp/pid1.json) does not leave it.
class Watch {
  public:
    // Before PID 1 confines itself: opens the signalfd(2). Every signal must be blocked (take_signals).
    static Result<Watch> open();

    // Until the app has ended and all that ended with it is reaped. Returns the app's status as a shell tells it: its own exit
    // status, or 128+n if signal n ended it. A stopped app has not ended.
    int until_ended(pid_t app) const noexcept;

  private:
    explicit Watch(sys::Fd signals) noexcept : signals_(std::move(signals)) {}

    sys::Fd signals_;
};

} // namespace stepdown::supervise
