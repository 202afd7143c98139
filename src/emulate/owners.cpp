#include "emulate/owners.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <tuple>

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace stepdown::emulate {
namespace {

constexpr Response kToKernel = {.to_kernel = true};

// Where a call's file is named: which argument is the directory or descriptor, the path, the flags; -1: there is none.
struct Naming {
    int directory = -1;
    int path = -1;
    int flags = -1;
    bool follow = true; // without flags
};

Naming naming_of(Call call) {
    switch (call) {
    case Call::kFchown:
    case Call::kFstat:
        return {.directory = 0};
    case Call::kFchownat:
        return {.directory = 0, .path = 1, .flags = 4};
    case Call::kNewfstatat:
        return {.directory = 0, .path = 1, .flags = 3};
    case Call::kStatx:
        return {.directory = 0, .path = 1, .flags = 2};
    case Call::kLchown:
    case Call::kLstat:
        return {.path = 0, .follow = false};
    default: // kChown, kStat
        return {.path = 0};
    }
}

// Others are EINVAL, by the kernel.
constexpr int kChangeFlags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
constexpr int kTellFlags = kChangeFlags | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;

int as_int(std::uint64_t argument) { return static_cast<int>(static_cast<std::uint32_t>(argument)); }

// O_PATH: nothing is opened that could block or act.
sys::Fd file_of(const Notification& call, Proc& proc) {
    const Naming naming = naming_of(call.call);
    const int directory = naming.directory < 0 ? AT_FDCWD : as_int(call.args[static_cast<unsigned>(naming.directory)]);
    if (naming.path < 0) {
        const bool refused = call.call == Call::kFchown && proc.is_path_only(call.thread, directory); // EBADF
        return refused ? sys::Fd() : proc.descriptor_of(call.thread, directory);
    }
    const int flags = naming.flags < 0 ? 0 : as_int(call.args[static_cast<unsigned>(naming.flags)]);
    if ((flags & ~(call.call == Call::kFchownat ? kChangeFlags : kTellFlags)) != 0) {
        return {};
    }
    const bool follow = naming.follow && (flags & AT_SYMLINK_NOFOLLOW) == 0;
    const std::uint64_t path = call.args[static_cast<unsigned>(naming.path)];
    const bool may_be_empty = (flags & AT_EMPTY_PATH) != 0 && (path != 0 || call.call != Call::kFchownat); // EFAULT
    return proc.file_of(call.thread, directory, path, follow, may_be_empty);
}

// The kernel's own account of an open file, in the layout in which the app wants it.
bool look(const sys::Fd& file, struct stat& into) {
    return file && ::syscall(SYS_newfstatat, file.get(), "", &into, AT_EMPTY_PATH) == 0;
}

} // namespace

std::size_t OwnerTable::place_of(std::uint64_t device, std::uint64_t inode) const {
    const auto place = std::ranges::lower_bound(known_, std::tuple(device, inode), {},
                                                [](const Known& one) { return std::tuple(one.device, one.inode); });
    return static_cast<std::size_t>(place - known_.begin());
}

std::optional<Owner> OwnerTable::find(std::uint64_t device, std::uint64_t inode) const {
    const std::size_t at = place_of(device, inode);
    const bool there = at < known_.size() && known_[at].device == device && known_[at].inode == inode;
    return there ? std::optional(known_[at].owner) : std::nullopt;
}

bool OwnerTable::set(std::uint64_t device, std::uint64_t inode, Owner owner) {
    const std::size_t at = place_of(device, inode);
    if (at < known_.size() && known_[at].device == device && known_[at].inode == inode) {
        known_[at].owner = owner;
        return true;
    }
    if (known_.size() >= most_) {
        return false;
    }
    known_.insert(known_.begin() + static_cast<std::ptrdiff_t>(at), {device, inode, owner});
    return true;
}

// Nothing: as the kernel says.
std::optional<Owner> Owners::told(std::uint64_t device, std::uint64_t inode, Owner kernels) const {
    if (const auto known = table_.find(device, inode)) {
        return known;
    }
    const Owner told = {.uid = kernels.uid == real_.uid ? 0 : kernels.uid,
                        .gid = kernels.gid == real_.gid ? 0 : kernels.gid};
    return told == kernels ? std::nullopt : std::optional(told);
}

Response Owners::change(const Notification& call, bool may, Proc& proc) {
    const std::size_t first = call.call == Call::kFchownat ? 2 : 1;
    struct stat found{};
    if (!may || !look(file_of(call, proc), found)) {
        return kToKernel;
    }
    const Owner kernels = {.uid = found.st_uid, .gid = found.st_gid};
    Owner owner = told(found.st_dev, found.st_ino, kernels).value_or(kernels);
    const auto uid = static_cast<std::uint32_t>(call.args[first]);
    const auto gid = static_cast<std::uint32_t>(call.args[first + 1]);
    owner = {.uid = uid == kNoId ? owner.uid : uid, .gid = gid == kNoId ? owner.gid : gid};
    return table_.set(found.st_dev, found.st_ino, owner) ? Response{} : Response{.error = ENOMEM};
}

Response Owners::tell(const Notification& call, Proc& proc) const {
    const sys::Fd file = file_of(call, proc);
    struct stat found{};
    if (!look(file, found)) {
        return kToKernel;
    }
    const auto owner = told(found.st_dev, found.st_ino, {.uid = found.st_uid, .gid = found.st_gid});
    if (!owner) {
        return kToKernel;
    }
    const auto give = [&](std::uint64_t address, const auto& answer) {
        const bool written = proc.write(call.thread, address, std::as_bytes(std::span(&answer, 1)));
        return written ? Response{} : Response{.error = EFAULT};
    };
    if (call.call == Call::kStatx) {
        struct statx wide{};
        const unsigned sync = static_cast<unsigned>(call.args[2]) & AT_STATX_SYNC_TYPE;
        if (::syscall(SYS_statx, file.get(), "", AT_EMPTY_PATH | sync, static_cast<unsigned>(call.args[3]), &wide) !=
            0) {
            return kToKernel;
        }
        wide.stx_uid = owner->uid;
        wide.stx_gid = owner->gid;
        return give(call.args[4], wide);
    }
    found.st_uid = owner->uid;
    found.st_gid = owner->gid;
    return give(call.args[call.call == Call::kNewfstatat ? 2 : 1], found);
}

} // namespace stepdown::emulate
