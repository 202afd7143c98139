#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "confine/profile.hpp"
#include "stepdown/error.hpp"

namespace stepdown::confine {

// What a profile is read for.
struct Machine {
    Architecture native = Architecture::kX86_64;
    unsigned kernel_major = 0; // for includes.minKernel and excludes.minKernel
    unsigned kernel_minor = 0;
    bool own_source = false; // "@group" may stand for names: a built-in profile's source
    // Those that the app keeps, "net_admin sys_time": includes.caps and excludes.caps are judged against them.
    // Another's.
    std::string_view capabilities = {};

    KernelVersion kernel() const { return kernel_major << 16 | kernel_minor; }
    bool has_capability(std::string_view name) const; // "net_admin"
};

// The machine and kernel this process runs on: uname(2).
Machine this_machine();

// What was passed over in a profile that was to be read leniently, one line each.
using Ignored = std::vector<std::string>;

// Reads a profile in the JSON of the OCI runtime specification (linux.seccomp, or a whole config.json around it), of
// Docker (archMap, includes, excludes) or of containers/common (errno by name), and refuses what it does not
// understand: unknown keys ("comment" is free), values out of range, names that no kernel has, a key written twice. The
// error (kUsage) is one line that begins with the place: syscalls[12].args[0].op: …
//
// With ignored the profile is read as other runtimes read it: names that no kernel has, unknown keys and an errno
// beside an action that takes none are passed over, the old key "name" counts.
Result<Profile> read_profile(std::string_view json, const Machine& machine, Ignored* ignored = nullptr);

} // namespace stepdown::confine
