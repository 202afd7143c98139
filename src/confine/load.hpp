#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/filter.h>

#include "confine/builtin.hpp"
#include "confine/compiled.hpp"
#include "confine/profile.hpp"
#include "stepdown/confinement.hpp"
#include "stepdown/error.hpp"
#include "sys/kernel.hpp"

namespace stepdown::confine {

// A program ready to load: bytes of the binary, or one of its own compiled from a file.
class Filter {
  public:
    Filter() = default; // none: "off"
    explicit Filter(BuiltIn which) : built_in_(builtin(which)), sha256_(builtin_sha256(which)) {}
    Filter(std::vector<sock_filter> program, unsigned flags, std::string sha256)
        : own_(std::move(program)), flags_(flags), sha256_(std::move(sha256)) {}

    bool off() const { return program().empty(); }
    std::span<const sock_filter> program() const {
        return own_.empty() ? built_in_ : std::span<const sock_filter>(own_);
    }
    unsigned flags() const { return flags_; }           // SECCOMP_FILTER_FLAG_*
    std::string_view sha256() const { return sha256_; } // of the program's bytes, hexadecimal; empty when off

  private:
    std::span<const sock_filter> built_in_;
    std::vector<sock_filter> own_;
    unsigned flags_ = 0;
    std::string sha256_;
};

// A profile or compiled filter as it was found, with what it becomes: for those who want to look at it.
struct Source {
    std::optional<Profile> profile; // empty: a compiled filter
    Compiled compiled;
};

// The text of a regular file; links are followed, for mounted configuration is full of them. Errors (kUsage) say why,
// not of what.
Result<std::string> read_regular(sys::Kernel& kernel, const std::string& path);

// Reads and compiles what a Plan's seccomp names, a built-in too ("pid1" among them), changed as the Plan says. What
// was passed over in a lenient reading is added to warnings. capabilities: Machine's, of the app after the drop. Errors
// (kUsage) name the file and the place in it.
Result<Source> read_source(sys::Kernel& kernel, const Seccomp& asked, std::vector<std::string>& warnings,
                           std::string_view capabilities = {});

// Refuses (kUsage) one under which no app could start: which lets no execve(2) through, or not with every argument.
Result<> check_start(const Source& source);

// What is to be loaded for a Plan's seccomp; nothing is read and compiled for a built-in filter as it is. Refuses a
// filter for another machine or kernel, and one under which no app could start. To be called before the step down: the
// file may be root's.
Result<Filter> filter_for(sys::Kernel& kernel, const Seccomp& asked, std::vector<std::string>& warnings,
                          std::string_view capabilities = {});

// Puts the calling thread under the filter for good; needs no_new_privs. Success makes no allocation, so it may be
// called between fork and exec. Errors are kConfine. An empty program is an error: "off" is for the caller to skip.
Result<> load(sys::Kernel& kernel, std::span<const sock_filter> program, unsigned flags = 0);

// The error for a filter that the kernel did not take, with advice.
Error not_loaded(int error, unsigned flags);

} // namespace stepdown::confine
