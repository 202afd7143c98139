#include "confine/builtin.hpp"

#include "builtin_default.inc"
#include "builtin_pid1.inc"

namespace stepdown::confine {

std::span<const sock_filter> builtin(BuiltIn which) {
    return which == BuiltIn::kDefault ? std::span<const sock_filter>(kDefaultProgram)
                                      : std::span<const sock_filter>(kPid1Program);
}

std::string_view builtin_sha256(BuiltIn which) { return which == BuiltIn::kDefault ? kDefaultSha256 : kPid1Sha256; }

} // namespace stepdown::confine
