#pragma once

#include <span>
#include <string>
#include <string_view>

#include <linux/filter.h>

namespace stepdown::confine {

// SHA-256 of a program's bytes, in hexadecimal: how the receipt names a filter.
std::string sha256(std::span<const sock_filter> program);

// The same of a text.
std::string sha256_of_text(std::string_view text);

} // namespace stepdown::confine
