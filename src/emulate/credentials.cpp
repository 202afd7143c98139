#include <algorithm>
#include <cerrno>

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#include "emulate/credentials.hpp"

namespace stepdown::emulate {
namespace {

// Every second bit of the securebits is the lock of the one below it.
constexpr std::uint32_t kLocks = 0xaaaaaaaa;

// SECBIT_EXEC_RESTRICT_FILE, SECBIT_EXEC_DENY_INTERACTIVE and their locks (Linux 6.14) restrict nothing by themselves,
// so nobody needs a capability for them.
constexpr std::uint32_t kFreeSecurebits = 0xf00;

constexpr std::uint64_t bit(unsigned capability) { return std::uint64_t{1} << capability; }

// What setfsuid(2) takes and gives back, capabilities(7), "Effect of user ID changes on capabilities", point 4.
constexpr std::uint64_t kFileSystemCapabilities = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) |
                                                  bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_LINUX_IMMUTABLE) |
                                                  bit(CAP_MAC_OVERRIDE) | bit(CAP_MKNOD);

bool subset(std::uint64_t inner, std::uint64_t outer) { return (inner & ~outer) == 0; }

bool known(const KernelLimits& limits, std::uint64_t capability) {
    return capability < 64 && (limits.capabilities >> capability & 1) != 0;
}

bool set(const Credentials& who, std::uint32_t securebit) { return (who.securebits & securebit) != 0; }

// ---- the same rules for users and for groups

Answer set_one(FourIds& ids, bool privileged, std::uint32_t id) {
    if (id == kNoId) {
        return std::unexpected(EINVAL);
    }
    if (privileged) {
        ids = all_four(id);
        return 0;
    }
    if (id != ids[kReal] && id != ids[kSaved]) {
        return std::unexpected(EPERM);
    }
    ids[kEffective] = ids[kFileSystem] = id;
    return 0;
}

Answer set_two(FourIds& ids, bool privileged, std::uint32_t real, std::uint32_t effective) {
    const bool real_allowed = real == kNoId || real == ids[kReal] || real == ids[kEffective];
    const bool effective_allowed =
        effective == kNoId || effective == ids[kReal] || effective == ids[kEffective] || effective == ids[kSaved];
    if (!privileged && !(real_allowed && effective_allowed)) {
        return std::unexpected(EPERM);
    }
    const FourIds before = ids;
    if (real != kNoId) {
        ids[kReal] = real;
    }
    if (effective != kNoId) {
        ids[kEffective] = effective;
    }
    if (real != kNoId || (effective != kNoId && effective != before[kReal])) {
        ids[kSaved] = ids[kEffective];
    }
    ids[kFileSystem] = ids[kEffective];
    return 0;
}

Answer set_three(FourIds& ids, bool privileged, std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    // Since Linux 6.3 a call that asks for no change leaves the file system id alone too.
    if ((real == kNoId || real == ids[kReal]) && (saved == kNoId || saved == ids[kSaved]) &&
        (effective == kNoId || (effective == ids[kEffective] && effective == ids[kFileSystem]))) {
        return 0;
    }
    const auto allowed = [&ids](std::uint32_t id) {
        return id == kNoId || id == ids[kReal] || id == ids[kEffective] || id == ids[kSaved];
    };
    if (!privileged && !(allowed(real) && allowed(effective) && allowed(saved))) {
        return std::unexpected(EPERM);
    }
    const auto take = [&ids](Id which, std::uint32_t id) {
        if (id != kNoId) {
            ids[which] = id;
        }
    };
    take(kReal, real);
    take(kEffective, effective);
    take(kSaved, saved);
    ids[kFileSystem] = ids[kEffective];
    return 0;
}

Answer set_file_system(FourIds& ids, bool privileged, std::uint32_t id) {
    const std::uint32_t before = ids[kFileSystem];
    if (id != kNoId && (privileged || std::ranges::contains(ids, id))) {
        ids[kFileSystem] = id;
    }
    return before;
}

// ---- capabilities follow the user ids: capabilities(7), "Effect of user ID changes on capabilities"

bool any_root(const FourIds& ids) { return ids[kReal] == 0 || ids[kEffective] == 0 || ids[kSaved] == 0; }

void follow_ids(Credentials& who, const FourIds& before) {
    if (set(who, SECBIT_NO_SETUID_FIXUP)) {
        return;
    }
    CapabilitySets& sets = who.capabilities;
    if (any_root(before) && !any_root(who.uid)) {
        if (!set(who, SECBIT_KEEP_CAPS)) {
            sets.permitted = sets.effective = 0;
        }
        sets.ambient = 0;
    }
    if (before[kEffective] == 0 && who.uid[kEffective] != 0) {
        sets.effective = 0;
    }
    if (before[kEffective] != 0 && who.uid[kEffective] == 0) {
        sets.effective = sets.permitted;
    }
}

void follow_file_system_id(Credentials& who, std::uint32_t before) {
    if (set(who, SECBIT_NO_SETUID_FIXUP)) {
        return;
    }
    CapabilitySets& sets = who.capabilities;
    if (before == 0 && who.uid[kFileSystem] != 0) {
        sets.effective &= ~kFileSystemCapabilities;
    }
    if (before != 0 && who.uid[kFileSystem] == 0) {
        sets.effective |= sets.permitted & kFileSystemCapabilities;
    }
}

} // namespace

void Groups::assign(std::span<const std::uint32_t> ids) {
    count_ = std::min(ids.size(), kMaxGroups);
    std::ranges::copy(ids.first(count_), ids_.begin());
    std::ranges::sort(std::span(ids_).first(count_));
}

bool Groups::operator==(const Groups& other) const { return std::ranges::equal(ids(), other.ids()); }

KernelLimits limits_of(unsigned last_capability) {
    return {.capabilities = ~std::uint64_t{0} >> (63 - std::min(last_capability, 63U))};
}

Credentials root(std::uint64_t capabilities) {
    return {.uid = {},
            .gid = {},
            .groups = {0},
            .capabilities = {.permitted = capabilities, .effective = capabilities, .bounding = capabilities}};
}

bool may(const Credentials& who, unsigned capability) {
    return capability < 64 && (who.capabilities.effective >> capability & 1) != 0;
}

Answer set_uid(Credentials& who, std::uint32_t uid) {
    const FourIds before = who.uid;
    const Answer answer = set_one(who.uid, may(who, CAP_SETUID), uid);
    follow_ids(who, before);
    return answer;
}

Answer set_reuid(Credentials& who, std::uint32_t real, std::uint32_t effective) {
    const FourIds before = who.uid;
    const Answer answer = set_two(who.uid, may(who, CAP_SETUID), real, effective);
    follow_ids(who, before);
    return answer;
}

Answer set_resuid(Credentials& who, std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    const FourIds before = who.uid;
    const Answer answer = set_three(who.uid, may(who, CAP_SETUID), real, effective, saved);
    follow_ids(who, before);
    return answer;
}

Answer set_fsuid(Credentials& who, std::uint32_t uid) {
    const std::uint32_t before = who.uid[kFileSystem];
    const Answer answer = set_file_system(who.uid, may(who, CAP_SETUID), uid);
    follow_file_system_id(who, before);
    return answer;
}

Answer set_gid(Credentials& who, std::uint32_t gid) { return set_one(who.gid, may(who, CAP_SETGID), gid); }

Answer set_regid(Credentials& who, std::uint32_t real, std::uint32_t effective) {
    return set_two(who.gid, may(who, CAP_SETGID), real, effective);
}

Answer set_resgid(Credentials& who, std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    return set_three(who.gid, may(who, CAP_SETGID), real, effective, saved);
}

Answer set_fsgid(Credentials& who, std::uint32_t gid) { return set_file_system(who.gid, may(who, CAP_SETGID), gid); }

Answer get_groups(const Credentials& who, std::int32_t size) {
    const auto count = static_cast<std::int64_t>(who.groups.ids().size());
    if (size < 0 || (size != 0 && count > size)) {
        return std::unexpected(EINVAL);
    }
    return count;
}

Answer may_set_groups(const Credentials& who, std::uint32_t size) {
    if (!may(who, CAP_SETGID)) {
        return std::unexpected(EPERM);
    }
    if (size > kKernelGroups) {
        return std::unexpected(EINVAL);
    }
    if (size > kMaxGroups) {
        return std::unexpected(ENOMEM);
    }
    return 0;
}

Answer set_groups(Credentials& who, std::span<const std::uint32_t> groups) {
    const auto size = static_cast<std::uint32_t>(std::min(groups.size(), kKernelGroups + 1));
    if (const Answer allowed = may_set_groups(who, size); !allowed) {
        return allowed;
    }
    if (std::ranges::contains(groups, kNoId)) {
        return std::unexpected(EINVAL);
    }
    who.groups.assign(groups);
    return 0;
}

Answer set_capabilities(Credentials& who, const KernelLimits& limits, const CapabilitySets& wanted) {
    CapabilitySets& sets = who.capabilities;
    const std::uint64_t inheritable = wanted.inheritable & limits.capabilities;
    const std::uint64_t permitted = wanted.permitted & limits.capabilities;
    const std::uint64_t effective = wanted.effective & limits.capabilities;
    const bool inheritable_allowed = subset(inheritable, sets.inheritable | sets.bounding) &&
                                     (may(who, CAP_SETPCAP) || subset(inheritable, sets.inheritable | sets.permitted));
    if (!inheritable_allowed || !subset(permitted, sets.permitted) || !subset(effective, permitted)) {
        return std::unexpected(EPERM);
    }
    sets.inheritable = inheritable;
    sets.permitted = permitted;
    sets.effective = effective;
    sets.ambient &= permitted & inheritable;
    return 0;
}

Answer read_bounding(const Credentials& who, const KernelLimits& limits, std::uint64_t capability) {
    if (!known(limits, capability)) {
        return std::unexpected(EINVAL);
    }
    return static_cast<std::int64_t>(who.capabilities.bounding >> capability & 1);
}

Answer drop_bounding(Credentials& who, const KernelLimits& limits, std::uint64_t capability) {
    if (!may(who, CAP_SETPCAP)) {
        return std::unexpected(EPERM);
    }
    if (!known(limits, capability)) {
        return std::unexpected(EINVAL);
    }
    who.capabilities.bounding &= ~bit(static_cast<unsigned>(capability));
    return 0;
}

Answer set_securebits(Credentials& who, const KernelLimits& limits, std::uint64_t bits) {
    const std::uint64_t locks = who.securebits & kLocks;
    const std::uint64_t changed = who.securebits ^ bits;
    if ((changed & locks >> 1) != 0 || !subset(locks, bits) || !subset(bits, limits.securebits)) {
        return std::unexpected(EPERM);
    }
    if (!may(who, CAP_SETPCAP) && (changed == 0 || !subset(changed, kFreeSecurebits))) {
        return std::unexpected(EPERM);
    }
    who.securebits = static_cast<std::uint32_t>(bits);
    return 0;
}

Answer get_keep_capabilities(const Credentials& who) { return set(who, SECBIT_KEEP_CAPS) ? 1 : 0; }

Answer set_keep_capabilities(Credentials& who, std::uint64_t keep) {
    if (keep > 1) {
        return std::unexpected(EINVAL);
    }
    if (set(who, SECBIT_KEEP_CAPS_LOCKED)) {
        return std::unexpected(EPERM);
    }
    who.securebits = keep == 1 ? who.securebits | SECBIT_KEEP_CAPS : who.securebits & ~std::uint32_t{SECBIT_KEEP_CAPS};
    return 0;
}

Answer change_ambient(Credentials& who, const KernelLimits& limits, const AmbientArguments& arguments) {
    const auto [what, capability, third, fourth] = arguments;
    CapabilitySets& sets = who.capabilities;
    if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
        if ((capability | third | fourth) != 0) {
            return std::unexpected(EINVAL);
        }
        sets.ambient = 0;
        return 0;
    }
    if (!known(limits, capability) || (third | fourth) != 0) {
        return std::unexpected(EINVAL);
    }
    const std::uint64_t one = bit(static_cast<unsigned>(capability));
    switch (what) {
    case PR_CAP_AMBIENT_IS_SET:
        return (sets.ambient & one) != 0 ? 1 : 0;
    case PR_CAP_AMBIENT_RAISE:
        if (!subset(one, sets.permitted & sets.inheritable) || set(who, SECBIT_NO_CAP_AMBIENT_RAISE)) {
            return std::unexpected(EPERM);
        }
        sets.ambient |= one;
        return 0;
    case PR_CAP_AMBIENT_LOWER:
        sets.ambient &= ~one;
        return 0;
    default:
        return std::unexpected(EINVAL);
    }
}

std::optional<Answer> change_by_prctl(Credentials& who, const KernelLimits& limits, const PrctlArguments& arguments) {
    const auto [option, second, third, fourth, fifth] = arguments;
    switch (static_cast<std::uint32_t>(option)) { // an int for the kernel, whatever else the register holds
    case PR_CAPBSET_READ:
        return read_bounding(who, limits, second);
    case PR_CAPBSET_DROP:
        return drop_bounding(who, limits, second);
    case PR_SET_SECUREBITS:
        return set_securebits(who, limits, second);
    case PR_GET_SECUREBITS:
        return who.securebits;
    case PR_GET_KEEPCAPS:
        return get_keep_capabilities(who);
    case PR_SET_KEEPCAPS:
        return set_keep_capabilities(who, second);
    case PR_CAP_AMBIENT:
        return change_ambient(who, limits, {second, third, fourth, fifth});
    default:
        return std::nullopt;
    }
}

void execute(Credentials& who) {
    CapabilitySets& sets = who.capabilities;
    const bool root_rules = !set(who, SECBIT_NOROOT);
    const bool effective_root = root_rules && who.uid[kEffective] == 0;
    const bool real_root = root_rules && who.uid[kReal] == 0;
    // The kernel takes a process that is not in its own effective group for a set-group-ID program. Only setfsgid(2)
    // leads there.
    if (who.gid[kEffective] != who.gid[kFileSystem] && !std::ranges::contains(who.groups.ids(), who.gid[kEffective])) {
        sets.ambient = 0;
    }
    sets.permitted = (effective_root || real_root ? sets.inheritable | sets.bounding : 0) | sets.ambient;
    sets.effective = effective_root ? sets.permitted : sets.ambient;
    who.uid[kSaved] = who.uid[kFileSystem] = who.uid[kEffective];
    who.gid[kSaved] = who.gid[kFileSystem] = who.gid[kEffective];
    who.securebits &= ~std::uint32_t{SECBIT_KEEP_CAPS};
}

} // namespace stepdown::emulate
