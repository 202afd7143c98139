#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "confine/profile.hpp"

// What is known about system calls and machines: names, numbers, widths of arguments. Data and look-ups, no decisions.
namespace stepdown::confine {

struct ArchitectureFacts {
    Architecture architecture;
    std::string_view oci_name;    // as in the OCI runtime specification: "SCMP_ARCH_X86_64"
    std::string_view docker_name; // as in Docker's includes and excludes: "amd64"
    std::uint32_t audit;          // what the kernel puts into seccomp_data.arch: AUDIT_ARCH_*
    Architecture kernel;          // the kernel it can come to
};

std::span<const ArchitectureFacts> architectures();
const ArchitectureFacts& facts_of(Architecture architecture);

// Whether it is a machine of the specifications whose calls can never reach a kernel that stepdown is built for.
bool is_foreign_architecture(std::string_view oci_name);

// Whether Docker's includes and excludes may name it.
bool is_docker_architecture(std::string_view docker_name);

// Whether it is one of capabilities(7), "net_admin".
bool is_capability(std::string_view name);

// The machine this program was built for.
Architecture native_architecture();

// One way a call reaches the kernel. i386 has two for sockets and System V IPC: a number of its own, and a multiplexer
// (socketcall(2), ipc(2)) whose first argument, masked with 0xffff, is the subcall; the rest is behind a pointer.
struct Entry {
    std::uint32_t number = 0;
    std::optional<std::uint32_t> subcall;

    bool operator==(const Entry&) const = default;
};

inline constexpr std::uint32_t kI386Socketcall = 102;
inline constexpr std::uint32_t kI386Ipc = 117;

// x32 numbers carry this bit, syscalls(2).
inline constexpr std::uint32_t kX32Bit = 0x40000000;

// Empty when the architecture does not have the call.
std::vector<Entry> entries_of(std::string_view name, Architecture architecture);

// All calls of an architecture by number, but those that only a multiplexer has.
std::map<std::uint32_t, std::string> calls_of(Architecture architecture);

// Whether the number that an architecture has for this name takes its arguments in another way than the name's manual
// page says: i386's and arm's first calls with user and group ids, which have 16 bits of them there (setuid32 and kin
// have all), and i386's mmap and select, whose arguments lie behind a pointer.
bool hides_arguments(std::string_view name, Architecture architecture);

// Whether any kernel on any machine has a call of this name.
bool is_known(std::string_view name);

// The bits of an argument that the kernel looks at. It takes an int parameter's low 32 bits and ignores the rest of the
// register, so a filter that compares all 64 is passed by with dirty high bits. All ones when it looks at all.
std::uint64_t argument_mask(std::string_view name, unsigned index);

// Whether an argument of these bits can be equal to a value as a profile writes it, whole or sign-extended.
constexpr bool argument_fits(std::uint64_t value, std::uint64_t mask) {
    return (value & ~mask) == 0 || (value & ~mask) == ~mask;
}

} // namespace stepdown::confine
