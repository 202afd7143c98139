#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepdown::confine {

// errno(3) by name; empty when there is none of that name.
std::optional<std::uint64_t> errno_of(std::string_view name);

// "EPERM"; a number without a name as it is.
std::string errno_name(unsigned number);

} // namespace stepdown::confine
