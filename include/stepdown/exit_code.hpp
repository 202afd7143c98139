#pragma once

namespace stepdown {

// What stepdown itself ends with. Codes 0..99 and 128+n are the app's own (n the signal that ended it); 126 and 127
// mean what they mean in sh(1): found but not executable, not found. Each stage of the start has one code of its own.
enum class ExitCode : int {
    kSuccess = 0,
    kUsage = 100,   // command line, environment, config file or Plan
    kSetup = 101,   // root-only work
    kDrop = 102,    // the step down
    kConfine = 103, // seccomp
    kVerify = 104,  // the kernel's account does not match the Plan
    kInternal = 111,
    kNotExecutable = 126,
    kNotFound = 127,
};

constexpr int to_status(ExitCode code) noexcept { return static_cast<int>(code); }

} // namespace stepdown
