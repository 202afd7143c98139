#pragma once

#include <string>
#include <string_view>

#include "sys/fd.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// Whether a path ends with a symbolic link that is neither root's nor the caller's: who else may write to the directory
// would say what is overwritten.
bool is_link_of_others(const std::string& path);

// Puts text in the place of what an open file has, from its beginning. What is no regular file is written to.
sys::Sys<> rewrite(const sys::Fd& file, std::string_view text);

} // namespace stepdown::commands
