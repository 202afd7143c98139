#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/filter.h>

#include "confine/builtin.hpp"
#include "stepdown/error.hpp"
#include "sys/kernel.hpp"

namespace stepdown::confine {

// A program ready to load: bytes of the binary, or one of its own compiled from a file.
class Filter {
  public:
    Filter() = default; // none: "off"
    explicit Filter(BuiltIn which) : built_in_(builtin(which)), sha256_(builtin_sha256(which)) {}
    Filter(std::vector<sock_filter> program, std::string sha256)
        : own_(std::move(program)), sha256_(std::move(sha256)) {}

    bool off() const { return program().empty(); }
    std::span<const sock_filter> program() const {
        return own_.empty() ? built_in_ : std::span<const sock_filter>(own_);
    }
    std::string_view sha256() const { return sha256_; } // of the program's bytes, hexadecimal; empty when off

  private:
    std::span<const sock_filter> built_in_;
    std::vector<sock_filter> own_;
    std::string sha256_;
};

// What a Plan's seccomp value stands for: "default", "off", or the path of a profile, which is read and compiled.
// Errors (kUsage) name the file and the place in it. To be called before the step down: the file may be root's.
Result<Filter> filter_for(sys::Kernel& kernel, const std::string& value);

// Puts the calling thread under the filter for good; needs no_new_privs. Success makes no allocation, so it may be
// called between fork and exec. Errors are kConfine. An empty program is an error: "off" is for the caller to skip.
Result<> load(sys::Kernel& kernel, std::span<const sock_filter> program);

} // namespace stepdown::confine
