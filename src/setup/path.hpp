#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "setup/explain.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

// The names of an absolute path, "/run//app/./" as {"run", "app"}. Refuses a relative path, "..", and the root
// directory itself: a step that changes "/" gives the whole image away.
Try<std::vector<std::string>> components(std::string_view path);

// Paths are walked name by name, each opened inside the directory opened before it, so that nobody who can rename a
// directory on the way, or put a symbolic link there, decides where root's work lands.
Try<sys::Fd> open_root(sys::Kernel& kernel);
Try<sys::Fd> enter(sys::Kernel& kernel, int dir, const std::string& name); // O_PATH; a link is ELOOP, a file ENOTDIR

} // namespace stepdown::setup
