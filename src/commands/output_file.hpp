#pragma once

#include <string>
#include <string_view>

#include "sys/fd.hpp"
#include "sys/kernel.hpp"

// What -o names.
namespace stepdown::commands {

// Whether a path ends with a symbolic link that is neither root's nor the caller's: who else may write to the directory
// would say what is overwritten.
bool is_link_of_others(const std::string& path);

// A regular file, or one that is not there yet, is replaced: a reader sees the old one or the whole new one. Links are
// followed and stay, but for those of others (ELOOP). Anything else is written to: a device, a pipe, standard output by
// any of its names, "-" among them.
sys::Sys<> write_output(const std::string& path, std::string_view text);

// Puts text in the place of what an open file has, from its beginning. What is no regular file is written to.
sys::Sys<> rewrite(const sys::Fd& file, std::string_view text);

} // namespace stepdown::commands
