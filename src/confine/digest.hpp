#pragma once

#include <span>
#include <string>

#include <linux/filter.h>

namespace stepdown::confine {

// SHA-256 of a program's bytes, in hexadecimal: how the receipt names a filter.
std::string sha256(std::span<const sock_filter> program);

} // namespace stepdown::confine
