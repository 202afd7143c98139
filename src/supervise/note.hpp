#pragma once

#include <cstdint>

#include <sys/types.h>

namespace stepdown::supervise {

// What PID 1 did, told as it happens. What is borrowed lives for the call.
struct Note {
    enum class Kind : std::uint8_t {
        kForwarded,     // signal from arrived, the app or its group got to
        kDropped,       // signal from arrived, nobody got it
        kHeld,          // signal from arrived, the app gets it when --stop-delay is over
        kForwardFailed, // the same, but the kernel refused: error
        kChildSignal,   // SIGCHLD
        kAppEnded,
        kOrphanEnded,  // a child that is not the app
        kAppMoved,     // the app goes on as pid
        kReady,        // the app says so
        kWatchdogOver, // the app has not said WATCHDOG=1 in time, and got to
    };

    Kind kind;
    pid_t pid = 0; // who ended, or who sent the signal
    int from = 0;
    int to = 0;
    int status = 0;        // as waitpid(2) has it
    int error = 0;         // errno
    const char* name = ""; // of an orphan, if it was asked for
};

// Who is told. Called from PID 1's loop: must not block and not allocate.
struct Listener {
    void (*tell)(void* context, const Note& note) noexcept = nullptr; // none: nobody
    void* context = nullptr;
    bool every = false; // not only what failed, and the orphans where they are asked for
};

} // namespace stepdown::supervise
