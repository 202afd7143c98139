#pragma once

#include <cstdint>

namespace stepdown::supervise {

enum class State : std::uint8_t {
    kRunning,     // the app runs
    kHolding,     // so does --stop-delay: it is to be asked to stop, and has not been told yet
    kStopping,    // it has been asked to stop; with --grace, its time runs
    kKilled,      // it got SIGKILL
    kDraining,    // it has ended, what it left behind has got SIGTERM, --drain runs
    kDrainKilled, // and SIGKILL; it has a moment to be reaped
    kEnded,
};

enum class Event : std::uint8_t {
    kStopSignal,  // see is_stop in supervise.cpp
    kDelayedStop, // the same, with --stop-delay
    kOtherSignal, // any other that is the app's
    kAppEnded,    // and others are left
    kChildEnded,  // another one than the app
    kNoChildLeft, // not even the app
    kTimer,       // what the state's action armed
    kWatchdog,    // the app has not said in time that it is alive
};

enum class Action : std::uint8_t {
    kNothing,
    kForward,
    kForwardAndTime, // and arm the timer with --grace, if there is one
    kHold,           // keep it, and arm the timer with --stop-delay
    kRelease,        // kForwardAndTime for the one that was kept
    kReleaseToo,     // and forward this one, if it is another
    kAbortApp,       // SIGABRT, and arm the timer with --grace or 10 s
    kKillApp,        // arm the timer with 2 s if it may not be killed
    kDrain,          // SIGTERM to all that is left; arm the timer with --drain
    kDrainNew,       // SIGTERM to what has come to PID 1 since
    kKillRest,       // SIGKILL to all that is left; arm the timer with 2 s
    kKillNew,        // and to what has come to PID 1 since
    kLeaveRest,      // what may not be killed, or does not end by it
};

struct Step {
    Action action;
    State next;

    bool operator==(const Step&) const = default;
};

// The whole of PID 1's behaviour. Pure; kEnded has no way out.
Step step(State state, Event event) noexcept;

} // namespace stepdown::supervise
