#pragma once

#include <chrono>
#include <span>

#include <poll.h>

namespace stepdown::supervise {

// The time that this process had: CLOCK_MONOTONIC, which no clock_settime(2) moves, without what the process was
// stopped (SIGSTOP from outside, a debugger) or its cgroup was frozen (docker pause). Then the app was frozen as well:
// what it had not done by then it could not do.
//
// Only a poll with a time may last: whatever passes between it and the next look at the clock, without this process at
// work, was a pause. So moments that were taken before a wait by other means mean nothing after it.
class OwnClock {
  public:
    using Time = std::chrono::steady_clock::time_point;

    Time now() noexcept;

    // As poll(2). The time of it stands still while the process does.
    int poll(std::span<pollfd> ready, int milliseconds) noexcept;

  private:
    Time looked_{};                     // at the clock
    std::chrono::nanoseconds worked_{}; // what this process had used of processors by the last poll
    std::chrono::nanoseconds paused_{};
};

} // namespace stepdown::supervise
