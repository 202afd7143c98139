#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <linux/seccomp.h>

#include "commands/log.hpp"
#include "commands/start.hpp"
#include "confine/denials.hpp"
#include "confine/recording.hpp"
#include "emulate/listener.hpp"
#include "supervise/note.hpp"
#include "sys/fd.hpp"

namespace stepdown::commands {

// What PID 1 does when it hears of a call itself, --seccomp-report, --seccomp-learn and record: runs the app's own
// filter over it, notes and tells what that denies, and answers as the kernel would have, or lets it through. Asked
// from PID 1's loop: bounded work, no allocation. Borrows start and log.
class Hearing {
  public:
    // Before PID 1 confines itself: it opens /proc.
    Hearing(sys::Kernel& kernel, Start& start, const Log& log);

    emulate::Before before() noexcept { return {.answer = answer, .context = this}; }

    // Passes notes on, and learns from them when the app is ready.
    supervise::Listener listen(supervise::Listener to) noexcept;

    // The app has ended: the counts, in the log and in the receipt's neighbour, and what was recorded.
    Result<> end(bool executed);

  private:
    static std::optional<emulate::Response> answer(void* self, const seccomp_notif& request) noexcept;
    std::optional<emulate::Response> answer(const seccomp_notif& request) noexcept;
    void deny(const seccomp_notif& request, int error) noexcept;
    void tell(const confine::Denial& denial) const noexcept;
    void write() noexcept;
    void record(const seccomp_notif& request, int error) noexcept;
    static void tell_note(void* self, const supervise::Note& note) noexcept;
    void sum_up();
    Result<> write_profile();

    Start& start_;
    const Log& log_;
    bool learns_;
    sys::Fd proc_;
    confine::CallNames names_;
    confine::Denials denials_;
    std::string json_; // room for all of the file
    std::optional<confine::Recording> recording_;
    confine::Phase phase_ = confine::kLaunch;
    bool waits_for_ready_;
    std::chrono::steady_clock::time_point steady_from_; // if not
    supervise::Listener notes_;
};

} // namespace stepdown::commands
