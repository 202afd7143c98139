#pragma once

#include <optional>
#include <span>
#include <string_view>

#include <linux/filter.h>

namespace stepdown::confine {

enum class BuiltIn {
    kDefault,      // seccomp/default.json: the app's
    kStrict,       // seccomp/strict.json: the app's, when all it does is serve
    kPid1,         // seccomp/pid1.json: PID 1's own, for its loop after the app runs
    kPid1Listener, // and seccomp/pid1-listener.json: in which it also answers emulated calls
    kPid1Hearing,  // and seccomp/pid1-hearing.json: in which it hears of the app's denied calls, or of all of them
    kPid1Opening,  // and seccomp/pid1-opening.json: in which it also reads names of processes and a pid file
};

// Compiled when stepdown was built, for the machine it was built for: bytes of the binary.
std::span<const sock_filter> builtin(BuiltIn which);

// SHA-256 of the program's bytes, in hexadecimal.
std::string_view builtin_sha256(BuiltIn which);

// The source as JSON without its comments, "@group" for the calls of a group.
std::string_view builtin_source(BuiltIn which);

// By the name that --seccomp takes, or "pid1".
std::optional<BuiltIn> find_builtin(std::string_view name);

} // namespace stepdown::confine
