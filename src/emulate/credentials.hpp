#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <span>

#include "stepdown/facts.hpp"

// The kernel's rules for user ids, group ids and capabilities, as a pure state machine: credentials(7),
// capabilities(7), and the manual page of each call. A process whose root is emulated is told what these functions say;
// none of them asks the kernel for anything. tests/kernel/emulate_property_test.cpp holds them against the running
// kernel.
namespace stepdown::emulate {

// What a system call answers: its value, or the errno it fails with.
using Answer = std::expected<std::int64_t, int>;

// "Leave unchanged" in setreuid(2) and setresuid(2); no id anywhere else.
inline constexpr std::uint32_t kNoId = 0xffffffff;

// NGROUPS_MAX of limits.h, the most the kernel takes, and the most that is kept here, so that a process costs a fixed
// amount of memory. Between the two setgroups(2) answers ENOMEM, which its manual page allows.
inline constexpr std::size_t kKernelGroups = 65536;
inline constexpr std::size_t kMaxGroups = 128;

// Supplementary groups, ascending, as the kernel keeps them.
class Groups {
  public:
    Groups() = default;
    Groups(std::initializer_list<std::uint32_t> ids) { assign(std::span(ids.begin(), ids.size())); }

    void assign(std::span<const std::uint32_t> ids); // at most kMaxGroups; the rest is left out
    std::span<const std::uint32_t> ids() const { return std::span(ids_).first(count_); }

    bool operator==(const Groups& other) const;

  private:
    std::array<std::uint32_t, kMaxGroups> ids_{};
    std::size_t count_ = 0;
};

// Places in FourIds.
enum Id : std::size_t { kReal, kEffective, kSaved, kFileSystem };

// A directory, whatever its path; inode 0: none.
struct Directory {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;

    bool operator==(const Directory&) const = default;
};

struct Credentials {
    FourIds uid{};
    FourIds gid{};
    Groups groups;
    CapabilitySets capabilities;
    std::uint32_t securebits = 0; // SECBIT_* of capabilities(7)
    Directory
        jail; // which a faked chroot(2) was given. No credential, but it goes where these go: over fork and execve

    bool operator==(const Credentials&) const = default;
};

// What differs from kernel to kernel.
struct KernelLimits {
    std::uint64_t capabilities = 0;   // a bit for each one known: all up to /proc/sys/kernel/cap_last_cap
    std::uint32_t securebits = 0xfff; // known bits and their locks; 0xff before Linux 6.14

    bool operator==(const KernelLimits&) const = default;
};

// The limits of a kernel whose cap_last_cap is this.
KernelLimits limits_of(unsigned last_capability);

// Root as a container begins with it: ids 0, group 0, the given capabilities permitted, effective and bounding.
Credentials root(std::uint64_t capabilities);

// Whether the capability (CAP_* of capabilities(7)) is effective.
bool may(const Credentials& who, unsigned capability);

// ---- setuid(2), setreuid(2), setresuid(2), setfsuid(2) and their twins for groups. Those for users move capabilities
// along. The file system id calls answer the id before, whether or not they changed it.
Answer set_uid(Credentials& who, std::uint32_t uid);
Answer set_reuid(Credentials& who, std::uint32_t real, std::uint32_t effective);
Answer set_resuid(Credentials& who, std::uint32_t real, std::uint32_t effective, std::uint32_t saved);
Answer set_fsuid(Credentials& who, std::uint32_t uid);
Answer set_gid(Credentials& who, std::uint32_t gid);
Answer set_regid(Credentials& who, std::uint32_t real, std::uint32_t effective);
Answer set_resgid(Credentials& who, std::uint32_t real, std::uint32_t effective, std::uint32_t saved);
Answer set_fsgid(Credentials& who, std::uint32_t gid);

// getuid(2), geteuid(2), getgid(2), getegid(2) and getresuid(2), getresgid(2) are the fields themselves.

// getgroups(2): the number of groups, which fit into a list of that size unless it is an error. 0: only asked how many.
Answer get_groups(const Credentials& who, std::int32_t size);

// setgroups(2). The first says what the kernel says before it reads the list.
Answer may_set_groups(const Credentials& who, std::uint32_t size);
Answer set_groups(Credentials& who, std::span<const std::uint32_t> groups);

// capset(2) for the caller itself; bounding and ambient of wanted do not count. capget(2) is the field capabilities.
Answer set_capabilities(Credentials& who, const KernelLimits& limits, const CapabilitySets& wanted);

// prctl(2): PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, PR_CAP_AMBIENT with
// its four arguments. PR_GET_SECUREBITS is the field.
Answer read_bounding(const Credentials& who, const KernelLimits& limits, std::uint64_t capability);
Answer drop_bounding(Credentials& who, const KernelLimits& limits, std::uint64_t capability);
Answer set_securebits(Credentials& who, const KernelLimits& limits, std::uint64_t bits);
Answer get_keep_capabilities(const Credentials& who);
Answer set_keep_capabilities(Credentials& who, std::uint64_t keep);
using AmbientArguments = std::array<std::uint64_t, 4>; // of prctl(2), behind PR_CAP_AMBIENT
Answer change_ambient(Credentials& who, const KernelLimits& limits, const AmbientArguments& arguments);

// prctl(2) as a whole; nothing for an option that is none of these.
using PrctlArguments = std::array<std::uint64_t, 5>;
std::optional<Answer> change_by_prctl(Credentials& who, const KernelLimits& limits, const PrctlArguments& arguments);

// execve(2) of a file without set-user-ID, set-group-ID or capabilities, or of one whose are ignored (no_new_privs).
void execute(Credentials& who);

} // namespace stepdown::emulate
