#pragma once

#include <string_view>

#include "confine/profile.hpp"
#include "stepdown/error.hpp"

namespace stepdown::confine {

// What a profile is read for. The app has no capabilities: that is what includes.caps and excludes.caps are judged
// against.
struct Machine {
    Architecture native = Architecture::kX86_64;
    unsigned kernel_major = 0; // for includes.minKernel and excludes.minKernel
    unsigned kernel_minor = 0;
};

// The machine and kernel this process runs on: uname(2).
Machine this_machine();

// Reads a profile in the JSON of the OCI runtime specification (linux.seccomp) or of Docker (archMap, includes,
// excludes), and refuses what it does not understand: unknown keys ("comment" is free), values out of range, names that
// no kernel has, a key written twice. The error (kUsage) is one line that begins with the place:
// syscalls[12].args[0].op: …
Result<Profile> read_profile(std::string_view json, const Machine& machine);

} // namespace stepdown::confine
