#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

#include "supervise/notice.hpp"

namespace stepdown::supervise {
namespace {

using std::chrono::microseconds;

constexpr microseconds kLongest = std::chrono::years(1);

std::optional<std::int64_t> number_in(std::string_view text) noexcept {
    std::int64_t number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    return fault == std::errc() && end == text.data() + text.size() && number > 0 ? std::optional(number)
                                                                                  : std::nullopt;
}

} // namespace

Notice read_notice(std::string_view text) noexcept {
    Notice notice;
    if (text.ends_with('\0')) { // of a C string that was sent whole
        text.remove_suffix(1);
    }
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t equals = std::min(line.find('='), line.size());
        const std::string_view name = line.substr(0, equals);
        const std::string_view value = line.substr(std::min(equals + 1, line.size()));
        if (name == "READY") {
            notice.ready = notice.ready || value == "1";
        } else if (name == "STOPPING") {
            notice.stopping = notice.stopping || value == "1";
        } else if (name == "WATCHDOG") {
            notice.alive = notice.alive || value == "1";
            notice.failed = notice.failed || value == "trigger";
        } else if (name == "EXTEND_TIMEOUT_USEC") {
            if (const auto time = number_in(value); time && *time <= kLongest.count()) {
                notice.extended = microseconds(*time);
            }
        } else if (name == "MAINPID") {
            if (const auto pid = number_in(value); pid && *pid <= std::numeric_limits<pid_t>::max()) {
                notice.main_pid = static_cast<pid_t>(*pid);
            }
        }
    }
    return notice;
}

} // namespace stepdown::supervise
