#include "confine/builtin.hpp"

#include "builtin_default.inc"
#include "builtin_pid1.inc"
#include "builtin_pid1_listener.inc"
#include "builtin_pid1_opening.inc"

namespace stepdown::confine {
namespace {

struct Row {
    std::span<const sock_filter> program;
    std::string_view sha256;
};

// In the order of BuiltIn.
constexpr Row kRows[] = {{kDefaultProgram, kDefaultSha256},
                         {kPid1Program, kPid1Sha256},
                         {kPid1ListenerProgram, kPid1ListenerSha256},
                         {kPid1OpeningProgram, kPid1OpeningSha256}};

} // namespace

std::span<const sock_filter> builtin(BuiltIn which) { return kRows[static_cast<std::size_t>(which)].program; }

std::string_view builtin_sha256(BuiltIn which) { return kRows[static_cast<std::size_t>(which)].sha256; }

} // namespace stepdown::confine
