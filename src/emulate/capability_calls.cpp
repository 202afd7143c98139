#include <array>

#include <linux/capability.h>

#include "emulate/capability_calls.hpp"

namespace stepdown::emulate {
namespace {

struct CapabilityHeader {
    std::uint32_t version;
    std::int32_t pid;
};
struct CapabilityWord {
    std::uint32_t effective;
    std::uint32_t permitted;
    std::uint32_t inheritable;
};

} // namespace

std::expected<std::size_t, int> read_version(Memory memory, std::uint64_t header) {
    std::uint32_t version = 0;
    if (!memory.read(header, version)) {
        return std::unexpected(EFAULT);
    }
    switch (version) {
    case _LINUX_CAPABILITY_VERSION_1:
        return 1;
    case _LINUX_CAPABILITY_VERSION_2:
    case _LINUX_CAPABILITY_VERSION_3:
        return 2;
    default:
        const std::uint32_t right = _LINUX_CAPABILITY_VERSION_3;
        return std::unexpected(memory.write(header, right) ? EINVAL : EFAULT);
    }
}

bool read_pid(Memory memory, std::uint64_t header, std::int32_t& pid) {
    return memory.read(header + offsetof(CapabilityHeader, pid), pid);
}

Answer take_capabilities(Memory memory, const Notification& call, const KernelLimits& limits, Credentials& own) {
    const auto words = read_version(memory, call.args[0]);
    if (!words) {
        return std::unexpected(words.error());
    }
    std::int32_t pid = 0;
    if (!read_pid(memory, call.args[0], pid)) {
        return kFault;
    }
    if (pid != 0 && pid != call.thread) {
        return std::unexpected(EPERM);
    }
    std::array<CapabilityWord, 2> data{};
    if (!memory.read(call.args[1], std::span(data).first(*words))) {
        return kFault;
    }
    const auto wide = [&data](std::uint32_t CapabilityWord::* set) {
        return data[0].*set | std::uint64_t{data[1].*set} << 32;
    };
    return set_capabilities(own, limits,
                            {.inheritable = wide(&CapabilityWord::inheritable),
                             .permitted = wide(&CapabilityWord::permitted),
                             .effective = wide(&CapabilityWord::effective)});
}

Answer give_capabilities(Memory memory, std::uint64_t data, std::size_t words, const CapabilitySets& sets) {
    const std::array<CapabilityWord, 2> whole = {
        {{low(sets.effective), low(sets.permitted), low(sets.inheritable)},
         {low(sets.effective >> 32), low(sets.permitted >> 32), low(sets.inheritable >> 32)}}};
    return memory.write(data, std::span(whole).first(words)) ? Answer(0) : kFault;
}

} // namespace stepdown::emulate
