#pragma once

#include <array>
#include <cstdint>

#include "confine/syscalls.hpp"

// The form of the table of calls that seccomp/calls.cpp writes when stepdown is built, and confine/syscalls.cpp reads.
namespace stepdown::confine {

// Architectures in the order of enum Architecture. A number is what `packed` makes of libseccomp's.
struct CallRow {
    std::uint16_t name; // where it begins among the names; it ends where the next row's begins
    std::array<std::int16_t, 6> numbers;
};

inline constexpr std::uint32_t kArmPrivate = 0x0f0000; // arm's own calls begin here, <asm/unistd.h>
inline constexpr std::int16_t kPackedArmPrivate = 0x7000;
inline constexpr std::int16_t kNoCall = -1;

// -100 - n is the i386 socketcall(2) n, -200 - n ipc(2)'s; all other negative numbers mean that there is no such call.
// x32's bit is left out.
constexpr std::int16_t packed(int number) {
    if (number < 0) {
        return static_cast<std::int16_t>(number < -100 && number > -300 ? number : kNoCall);
    }
    const auto plain = static_cast<std::uint32_t>(number) & ~kX32Bit;
    return static_cast<std::int16_t>(plain < kArmPrivate ? plain : plain - kArmPrivate + kPackedArmPrivate);
}

constexpr std::uint32_t unpacked(std::int16_t number) {
    const auto plain = static_cast<std::uint32_t>(number);
    return number < kPackedArmPrivate ? plain : plain - kPackedArmPrivate + kArmPrivate;
}

} // namespace stepdown::confine
