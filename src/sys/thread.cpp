#include "sys/thread.hpp"

#include <cerrno>

#include <sched.h>

namespace stepdown::sys {

Sys<> start_thread(int (*run)(void*), void* context, std::span<std::byte> stack) noexcept {
    constexpr int kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    return ::clone(run, stack.data() + stack.size(), kThread, context) < 0 ? Sys<>(std::unexpected(errno)) : Sys<>();
}

} // namespace stepdown::sys
