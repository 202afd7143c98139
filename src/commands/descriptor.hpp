#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "sys/fd.hpp"
#include "sys/kernel.hpp"

// A descriptor's way from one process to another, unix(7): SCM_RIGHTS, with one byte. Async-signal-safe.
namespace stepdown::commands {

sys::Sys<> send_descriptor(int socket, int descriptor) noexcept;

// Waits for a byte or the other side's end; none if no descriptor comes with it. Close-on-exec.
sys::Fd receive_descriptor(int socket) noexcept;

// Sends a descriptor that is not there yet, from a thread of its own: one that stands before the caller's next filter.
// The caller's exit or execve(2) ends it too; must outlive that.
class Courier {
  public:
    sys::Sys<> wait_at(int socket) noexcept;
    void take(int descriptor) noexcept { taken_ = descriptor < 0 ? kNone : descriptor + 1; } // -1: none to send

  private:
    static constexpr int kNotYet = 0; // all zeros, so that it is no part of the program's file
    static constexpr int kNone = -1;
    static constexpr std::size_t kStack = 16UZ * 1024;
    static int run(void* self);

    std::atomic<int> taken_ = kNotYet;
    int socket_ = 0;
    alignas(16) std::array<std::byte, kStack> stack_{};
};

} // namespace stepdown::commands
