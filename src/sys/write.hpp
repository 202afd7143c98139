#pragma once

#include <string_view>

#include "sys/kernel.hpp"

namespace stepdown::sys {

// write(2) until all of text is written, or the errno of what stopped it; ENOSPC where the kernel took nothing and said
// nothing. No privilege is asked for, so it is no part of the seam.
Sys<> write_whole(int fd, std::string_view text);

} // namespace stepdown::sys
