#pragma once

#include <cstddef>
#include <optional>

#include <dirent.h>

#include "sys/fd.hpp"

namespace stepdown::sys {

// Reads the names in a directory, getdents64(2), without "." and "..". Its buffer is part of it: opendir(3) has one
// mapped and unmapped for every directory, which costs more than to read a small one.
class Directory {
  public:
    struct Entry {
        const char* name;   // valid until next() is called again
        unsigned char type; // DT_*; DT_UNKNOWN where the file system does not tell
    };

    explicit Directory(Fd fd) noexcept : fd_(std::move(fd)) {}

    // None at the end, and where it cannot be read.
    std::optional<Entry> next() noexcept;

    int error() const noexcept { return error_; } // errno of the reading; 0 if all was read
    int fd() const noexcept { return fd_.get(); }

  private:
    Fd fd_;
    int error_ = 0;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    alignas(dirent) char buffer_[4096];
};

} // namespace stepdown::sys
