#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "commands/log.hpp"

namespace stepdown::commands {

// Tells each stage of the start and what it cost; asks no clock unless somebody listens (--log-level=info).
class StageClock {
  public:
    explicit StageClock(const Log& log) : log_(log), listens_(log.shows(LogLevel::kInfo)) {
        if (listens_) {
            since_ = Clock::now();
        }
    }

    void done(std::string_view stage, std::string_view what) {
        if (!listens_) {
            return;
        }
        const auto cost = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - since_);
        log_.info(std::string(stage) + ": " + std::string(what) + " (" + std::to_string(cost.count()) + " µs)");
        since_ = Clock::now();
    }

  private:
    using Clock = std::chrono::steady_clock;

    const Log& log_;
    bool listens_;
    Clock::time_point since_;
};

} // namespace stepdown::commands
