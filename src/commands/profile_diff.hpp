#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "confine/compiled.hpp"

namespace stepdown::commands {

// What two filters for one machine answer differently, a line each, with arguments that show it: every call of every
// architecture that the machine's kernel takes, numbers that no call has, and the flags. Empty: nothing. A line says so
// where there are too many arguments to try them all.
std::string differences_text(const confine::Compiled& first, const confine::Compiled& second);

// "0x1, 0x2"
std::string text_of(const std::vector<std::uint64_t>& arguments);

} // namespace stepdown::commands
