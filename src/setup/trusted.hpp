#pragma once

#include <string_view>

#include "sys/kernel.hpp"

namespace stepdown::setup {

// Opens a regular file for reading as root, by a path that the app may have had its hands on: symbolic links are
// followed where root owns them (Kubernetes mounts its secrets so), and are ELOOP else. EINVAL for what is no absolute
// path or no regular file.
sys::Sys<sys::Fd> open_trusted(sys::Kernel& kernel, std::string_view path);

} // namespace stepdown::setup
