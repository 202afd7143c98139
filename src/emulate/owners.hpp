#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sys/types.h>

#include "emulate/proc.hpp"
#include "emulate/session.hpp"

// --emulate-owners: chown(2) of an emulated root is remembered, and stat(2) and its kin answer with it.
namespace stepdown::emulate {

struct Owner {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;

    bool operator==(const Owner&) const = default;
};

// Who owns what, by device and inode. Memory is allocated by the constructor alone.
class OwnerTable {
  public:
    static constexpr std::size_t kMost = 8192; // files; beyond that a chown is ENOMEM

    explicit OwnerTable(std::size_t most = kMost) : most_(most) { known_.reserve(most); }

    std::optional<Owner> find(std::uint64_t device, std::uint64_t inode) const;
    bool set(std::uint64_t device, std::uint64_t inode, Owner owner); // false: full

  private:
    struct Known {
        std::uint64_t device;
        std::uint64_t inode;
        Owner owner;
    };

    std::size_t place_of(std::uint64_t device, std::uint64_t inode) const;

    std::vector<Known> known_; // ascending
    std::size_t most_;
};

// Answers the calls. A file that is not remembered is root's where it is really the app's user's, and for all others
// the kernel answers. So does it whenever the file cannot be reached from here: its error is the right one. PID 1 opens
// files with O_PATH alone, as the same user, and tells nothing but what stat(2) tells that user.
class Owners {
  public:
    Owners(Owner real, std::size_t most = OwnerTable::kMost) : real_(real), table_(most) {}

    // chown(2), stat(2) and their kin. may: the caller may chown, by its emulated credentials.
    Response change(const Notification& call, bool may, Proc& proc);
    Response tell(const Notification& call, Proc& proc) const;

  private:
    std::optional<Owner> told(std::uint64_t device, std::uint64_t inode, Owner kernels) const;

    Owner real_; // of all that the app makes
    OwnerTable table_;
};

} // namespace stepdown::emulate
