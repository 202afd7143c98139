#pragma once

#include <array>

#include <sys/types.h>

#include "sys/fd.hpp"

namespace stepdown::supervise {

// What a process is called, read from /proc while it is still a zombie. Asks for openat(2), which PID 1's filter allows
// only where names are wanted.
class Names {
  public:
    using Name = std::array<char, 16>; // TASK_COMM_LEN, with a null at its end

    // Before PID 1 confines itself. Where there is no /proc every name is empty.
    static Names open() noexcept;

    // "" if it cannot be read. What is no letter, digit, or one of ._-+:/ is a question mark.
    Name of(pid_t pid) const noexcept;

    explicit operator bool() const noexcept { return bool(proc_); }

  private:
    sys::Fd proc_;
};

} // namespace stepdown::supervise
