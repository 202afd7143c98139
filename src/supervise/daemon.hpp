#pragma once

#include <string>

#include <sys/types.h>

#include "sys/fd.hpp"

namespace stepdown::supervise {

// Whether pid is this process's child, one that has ended and has not been reaped included.
bool is_child(pid_t pid) noexcept;

// Where an app goes on that forks and ends, as systemd.service(5)'s Type=forking.
class Daemon {
  public:
    // Before PID 1 confines itself. pid_file: empty, or an absolute path.
    static Daemon open(const std::string& pid_file) noexcept;

    // The child that the pid file names, or the only child there is; 0 while there is none such.
    pid_t find() const noexcept;
    bool is_named() const noexcept { return pid_file_ != nullptr; } // what is found is no guess

  private:
    const char* pid_file_ = nullptr; // the Plan's
    sys::Fd children_;               // /proc/PID/task/TID/children
};

} // namespace stepdown::supervise
