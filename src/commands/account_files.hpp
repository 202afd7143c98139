#pragma once

#include <optional>
#include <string>

#include "stepdown/error.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// The texts of /etc/passwd and /etc/group, "" where a file does not exist: for numbers no account is needed. Read when
// first asked for, since most starts need one of them or none.
class AccountFiles {
  public:
    explicit AccountFiles(sys::Kernel& kernel) : kernel_(kernel) {}
    const Result<std::string>& passwd() { return read_once(passwd_, "/etc/passwd"); }
    const Result<std::string>& group() { return read_once(group_, "/etc/group"); }

  private:
    const Result<std::string>& read_once(std::optional<Result<std::string>>& text, const char* path);

    sys::Kernel& kernel_;
    std::optional<Result<std::string>> passwd_;
    std::optional<Result<std::string>> group_;
};

} // namespace stepdown::commands
