#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace stepdown {

// The five capability sets of capabilities(7). 64 bits wide whatever the running kernel's last capability is.
struct CapabilitySets {
    std::uint64_t inheritable = 0;
    std::uint64_t permitted = 0;
    std::uint64_t effective = 0;
    std::uint64_t bounding = 0;
    std::uint64_t ambient = 0;

    bool operator==(const CapabilitySets&) const = default;
};

// Real, effective, saved and file system id, in the order of "Uid:" and "Gid:" in proc_pid_status(5).
using FourIds = std::array<std::uint32_t, 4>;

constexpr FourIds all_four(std::uint32_t id) { return {id, id, id, id}; }

// What is true of a thread, in the words of proc_pid_status(5). The same type says what is wanted (made from a Plan, or
// read from a receipt) and what is observed (read from the kernel). An empty field means: not known, or not asked for.
struct Facts {
    std::optional<FourIds> uid;
    std::optional<FourIds> gid;
    std::optional<std::vector<std::uint32_t>> groups; // supplementary, ascending, as the kernel keeps them
    std::optional<CapabilitySets> capabilities;
    std::optional<std::uint32_t> securebits; // only the thread itself can ask: PR_GET_SECUREBITS
    std::optional<bool> no_new_privs;
    std::optional<int> seccomp_mode;         // SECCOMP_MODE_*: 0 none, 2 filter
    std::optional<unsigned> seccomp_filters; // number attached; kernel 5.9 and later

    bool operator==(const Facts&) const = default;
};

// One thread of one process as an observer sees it. For the main thread tid == pid.
struct Thread {
    pid_t pid = 0; // as numbered in the observer's PID namespace
    pid_t tid = 0;
    pid_t parent = 0;
    pid_t tracer = 0; // 0: not traced; -1: not known
    char state = '?'; // R S D T t Z X as in proc_pid_status(5)
    std::string name; // comm, at most 15 bytes, set by the program itself: never trust it
    Facts facts;

    bool operator==(const Thread&) const = default;
};

} // namespace stepdown
