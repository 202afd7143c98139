#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <sys/types.h>

namespace stepdown::supervise {

// What a message of sd_notify(3) says, as far as it matters here; the rest of it, STATUS= and such, is passed over.
struct Notice {
    bool ready = false;
    bool stopping = false;
    bool alive = false;                                // WATCHDOG=1
    bool failed = false;                               // WATCHDOG=trigger: as if it had not said so in time
    std::optional<std::chrono::microseconds> extended; // EXTEND_TIMEOUT_USEC=, up to a year
    std::optional<pid_t> main_pid;                     // MAINPID=

    bool operator==(const Notice&) const = default;
};

// Lines of NAME=VALUE, and a zero byte may end them. Whatever is malformed counts as not said.
Notice read_notice(std::string_view text) noexcept;

} // namespace stepdown::supervise
