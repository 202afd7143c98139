#pragma once

#include <string_view>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::commands {

// stepdown's own words: to standard error, never into the app's output. A good start at the default level says nothing,
// so the logger behind it (spdlog) comes to life only with the first line that passes the level. Only commands/ logs;
// rooms return.
class Log {
  public:
    Log() noexcept = default;
    Log(LogLevel level, LogFormat format) noexcept : level_(level), format_(format) {}

    bool shows(LogLevel level) const noexcept { return level <= level_; }
    void write(LogLevel level, std::string_view line) const;

    // The same without allocating, for PID 1's loop. line has no quotes, backslashes or control characters.
    void plain(LogLevel level, std::string_view line) const noexcept;

    void warn(std::string_view line) const { write(LogLevel::kWarn, line); }
    void info(std::string_view line) const { write(LogLevel::kInfo, line); }

    // The one line of a failed start, and the exit status that goes with it.
    int failed(const Error& error) const {
        write(LogLevel::kError, error.line);
        return to_status(error.code);
    }

  private:
    LogLevel level_ = LogLevel::kWarn;
    LogFormat format_ = LogFormat::kText;
};

// For a process that must never wait: from now on to this descriptor of its own, which is O_NONBLOCK; -1: to nobody.
void log_to_own(int descriptor) noexcept;

} // namespace stepdown::commands
