#pragma once

#include <cstddef>
#include <string_view>

namespace stepdown::render {

// The length of the UTF-8 sequence that text begins with (RFC 3629: no overlong form, no surrogate); 0 if it begins
// with none.
std::size_t utf8_length(std::string_view text);

} // namespace stepdown::render
