#pragma once

#include <cerrno>
#include <cstdint>
#include <span>

#include <sys/types.h>

#include "emulate/session.hpp"

namespace stepdown::emulate {

constexpr Answer kFault = std::unexpected(EFAULT);

// Of a register that holds 32 bits.
inline std::uint32_t low(std::uint64_t argument) { return static_cast<std::uint32_t>(argument); }

// What the calling thread has in its memory.
class Memory {
  public:
    Memory(Target& target, pid_t thread) : target_(target), thread_(thread) {}

    template <class T> bool read(std::uint64_t address, std::span<T> into) {
        return target_.read(thread_, address, std::as_writable_bytes(into));
    }
    template <class T> bool read(std::uint64_t address, T& into) { return read(address, std::span<T>(&into, 1)); }
    template <class T> bool write(std::uint64_t address, std::span<const T> from) {
        return target_.write(thread_, address, std::as_bytes(from));
    }
    template <class T> bool write(std::uint64_t address, const T& from) {
        return write(address, std::span<const T>(&from, 1));
    }

  private:
    Target& target_;
    pid_t thread_;
};

} // namespace stepdown::emulate
