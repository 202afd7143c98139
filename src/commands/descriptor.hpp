#pragma once

#include "sys/fd.hpp"
#include "sys/kernel.hpp"

// A descriptor's way from one process to another, unix(7): SCM_RIGHTS, with one byte. Async-signal-safe.
namespace stepdown::commands {

sys::Sys<> send_descriptor(int socket, int descriptor) noexcept;

// Waits for a byte or the other side's end; none if no descriptor comes with it. Close-on-exec.
sys::Fd receive_descriptor(int socket) noexcept;

} // namespace stepdown::commands
