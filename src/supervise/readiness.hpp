#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "stepdown/error.hpp"
#include "stepdown/supervision.hpp"
#include "supervise/notice.hpp"
#include "sys/fd.hpp"

namespace stepdown::supervise {

// Where a start says how it becomes ready and whether it is, for `stepdown ready`: the first line is --ready's value,
// the last one "ready" or "stopping" once it is. The first of these directories that can be written has it.
constexpr std::string_view kReadyFiles[] = {"/run/stepdown.ready", "/dev/shm/stepdown.ready"};

// The app's own account of itself: a descriptor it writes a line to, or sd_notify(3)'s socket.
class Accounts {
  public:
    Accounts() noexcept = default;

    // After the drop, which closes descriptors. file: as make_ready_file() left it; empty: none.
    static Result<Accounts> open(const Supervision& asked, const std::string& file);

    // For the app: a descriptor to be found as --ready=fd:N, or -1.
    int app_end() const noexcept { return app_end_.get(); }
    void close_app_end() noexcept { app_end_ = sys::Fd(); }
    // NOTIFY_SOCKET's value; empty: no socket.
    const std::string& socket_name() const noexcept { return socket_name_; }

    int descriptor() const noexcept { return own_end_.get(); }

    // Once descriptor() is readable: what has been said since. Messages from outside of the PID namespace say nothing.
    Notice take() noexcept;

    // Into the file, once each; nothing more after "stopping".
    void say(std::string_view word) noexcept;

  private:
    Notice take_message() noexcept;
    Notice take_line() noexcept;

    sys::Fd own_end_;
    sys::Fd app_end_;
    sys::Fd file_;
    bool is_socket_ = false;
    bool said_ready_ = false;
    bool said_stopping_ = false;
    std::string socket_name_;
};

} // namespace stepdown::supervise
