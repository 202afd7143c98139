#pragma once

#include <chrono>

#include "commands/log.hpp"
#include "setup/setup.hpp"

namespace stepdown::commands {

// What a long walk tells on standard error: a line that is written over on a terminal, else one every few seconds. A
// walk that is soon over tells nothing.
class WalkProgress final : public setup::Progress {
  public:
    explicit WalkProgress(const Log& log) : log_(log) {}
    ~WalkProgress() override;
    void tell(std::uint64_t looked, std::uint64_t changed, std::string_view path) override;

  private:
    using Clock = std::chrono::steady_clock;

    const Log& log_;
    Clock::time_point began_ = Clock::now();
    Clock::time_point told_ = began_;
    bool line_is_open_ = false;
};

} // namespace stepdown::commands
