#pragma once

#include <cstddef>
#include <span>

#include "sys/kernel.hpp"

namespace stepdown::sys {

// A second thread of the calling process, clone(2), without any storage of its own: errno is the caller's, and it may
// call async-signal-safe functions only. Filters that the caller loads from now on are not its. Ends by returning.
Sys<> start_thread(int (*run)(void*), void* context, std::span<std::byte> stack) noexcept;

} // namespace stepdown::sys
