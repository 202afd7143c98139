#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "confine/profile.hpp"
#include "stepdown/error.hpp"

namespace stepdown::confine {

// A call as people write it: "socket", or with arguments from the first on, "socket:AF_INET6", "ioctl::TIOCSTI". An
// argument is a number (0x for hexadecimal), a constant's name, or empty for any.
struct CallWords {
    std::string name;
    std::vector<std::optional<std::uint64_t>> arguments;
};

Result<CallWords> read_call(std::string_view text);

// The profile with other rules for some calls. An item is "@group", a call, or a call with arguments; for the latter
// only calls with these arguments change. Denials are stronger than grants. A denied call gets EPERM, a denied socket
// family EAFNOSUPPORT. Errors (kUsage) name the item.
Result<Profile> adjust(Profile profile, std::span<const std::string> allow, std::span<const std::string> deny);

} // namespace stepdown::confine
