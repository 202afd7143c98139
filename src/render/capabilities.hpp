#pragma once

#include <cstdint>
#include <string>

namespace stepdown::render {

// "cap_chown cap_net_raw" in the words of capabilities(7), ascending; "none"; a capability younger than the library is
// a number.
std::string capability_names(std::uint64_t mask);

} // namespace stepdown::render
