#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "emulate/memory.hpp"

// The two structures of capget(2) and capset(2) in a caller's memory: a header, and a word for each 32 capabilities.
namespace stepdown::emulate {

// How many words the header's version has. An unknown one is EINVAL, and is told which would be right.
std::expected<std::size_t, int> read_version(Memory memory, std::uint64_t header);

bool read_pid(Memory memory, std::uint64_t header, std::int32_t& pid); // false: as EFAULT

Answer take_capabilities(Memory memory, const Notification& call, const KernelLimits& limits, Credentials& own);
Answer give_capabilities(Memory memory, std::uint64_t data, std::size_t words, const CapabilitySets& sets);

} // namespace stepdown::emulate
