#pragma once

#include <cstddef>
#include <string_view>

#include <fmt/format.h>

namespace stepdown::commands {

// A line on the stack: nothing is allocated in PID 1's loop. What does not fit is cut off.
struct Line {
    static constexpr std::size_t kLongest = 200; // with what stands before it, what spdlog keeps without allocating

    char text[kLongest];
    std::size_t length = 0;

    template <class... Values> void append(fmt::format_string<Values...> format, const Values&... values) {
        const auto written =
            fmt::vformat_to_n(text + length, kLongest - length, format, fmt::make_format_args(values...));
        length = static_cast<std::size_t>(written.out - text);
    }
    std::string_view view() const { return {text, length}; }
};

} // namespace stepdown::commands
