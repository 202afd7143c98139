#pragma once

#include <chrono>
#include <optional>
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

// What PID 1 does between the app's start and its own end.
struct Supervision {
    std::vector<SignalRewrite> signals;             // of two for one signal the later counts
    bool signal_group = false;                      // to the app's process group instead of the app
    int stop_signal = 0;                            // what SIGTERM is sent on as; 0: as it is
    std::optional<std::chrono::milliseconds> grace; // from the first stop signal to SIGKILL; empty: the engine's
    std::chrono::milliseconds drain{5000};          // from the app's end to SIGKILL for what it left behind
    std::vector<StatusRewrite> exit_statuses;       // likewise

    bool operator==(const Supervision&) const = default;
};

} // namespace stepdown
