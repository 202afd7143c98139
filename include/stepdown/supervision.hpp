#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stepdown {

// A signal that reaches PID 1 as from is sent on as to, or not at all (0).
struct SignalRewrite {
    int from = 0;
    int to = 0;

    bool operator==(const SignalRewrite&) const = default;
};

struct StatusRewrite {
    int from = 0; // 0 to 255, as a shell tells the app's end
    int to = 0;   // what PID 1 ends with instead

    bool operator==(const StatusRewrite&) const = default;
};

// Whether orphans are asked for where stepdown is not PID 1, see PR_SET_CHILD_SUBREAPER in prctl(2).
enum class Subreaper : std::uint8_t { kAuto, kAlways, kNever }; // kAuto: there only

// How the app tells that it serves.
struct Readiness {
    enum class Kind : std::uint8_t { kNone, kDescriptor, kNotify, kTcp, kUnix };

    Kind kind = Kind::kNone;
    int number = 0;   // kDescriptor: the app writes a line to it; kTcp: the port that answers
    std::string path; // kUnix: the socket that answers

    bool operator==(const Readiness&) const = default;
};

// As a user writes it; empty for kNone.
inline std::string in_words(const Readiness& ready) {
    switch (ready.kind) {
    case Readiness::Kind::kNone:
        break;
    case Readiness::Kind::kDescriptor:
        return "fd:" + std::to_string(ready.number);
    case Readiness::Kind::kNotify:
        return "notify";
    case Readiness::Kind::kTcp:
        return "tcp:" + std::to_string(ready.number);
    case Readiness::Kind::kUnix:
        return "unix:" + ready.path;
    }
    return {};
}

// What PID 1 does between the app's start and its own end.
struct Supervision {
    std::vector<SignalRewrite> signals;                  // of two for one signal the later counts
    bool signal_group = false;                           // to the app's process group instead of the app
    int stop_signal = 0;                                 // what SIGTERM is sent on as; 0: as it is
    std::optional<std::chrono::milliseconds> stop_delay; // the first stop signal is sent on this much later
    std::optional<std::chrono::milliseconds> grace;      // from then to SIGKILL; empty: the engine's
    std::chrono::milliseconds drain{5000};               // from the app's end to SIGKILL for what it left behind
    std::vector<StatusRewrite> exit_statuses;            // likewise

    bool new_session = false;    // the app leads a session of its own, unless it is given the terminal
    bool job_control = false;    // TSTP, TTIN and TTOU stop PID 1 too, once the app has got them
    bool term_group = false;     // when the app has ended, TERM to its process group at least
    bool leave_rest = false;     // where it is not PID 1: end with the app, and leave alone what that left behind
    bool log_orphans = false;    // a line for each child that is reaped and is not the app
    bool kill_on_orphan = false; // the app is killed when stepdown ends before it
    int parent_death_signal = 0; // what PID 1 gets, and sends on, when the process that started it ends; 0: nothing
    Subreaper subreaper = Subreaper::kAuto;

    bool forking = false; // the app goes on in another process and its first one ends
    std::string pid_file; // which holds the number of that one; empty: it is the only child left
    Readiness ready;
    std::optional<std::chrono::milliseconds> watchdog; // the longest time between two WATCHDOG=1 of the app

    bool operator==(const Supervision&) const = default;
};

} // namespace stepdown
