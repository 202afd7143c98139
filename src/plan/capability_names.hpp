#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepdown::plan {

// A name of capabilities(7), with or without CAP_, in any case; or a number from 0 to 63. Whether the running kernel
// has it is for the start to find out.
std::optional<unsigned> capability_number(std::string_view word);

// "net_bind_service", or the number where there is no name.
std::string capability_name(unsigned number);

// The names of a set, by ascending number, separated.
std::string capability_names(std::uint64_t set, std::string_view separator = ", ");

} // namespace stepdown::plan
