#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/stat.h>

#include "emulate/answers.hpp"

namespace stepdown::emulate {
namespace {

constexpr std::array<std::string_view, kItems> kNames = {"getid",  "setid",     "setgroups",   "chown", "mknod",
                                                         "capset", "chroot",    "setpriority", "sched", "ioprio",
                                                         "mlock",  "setrlimit", "prctl"};

constexpr unsigned bit(unsigned argument) { return 1U << argument; }

// Arguments that are ints: the kernel ignores the high half of the register.
constexpr std::uint64_t kInt = 0xffffffff;

constexpr When device(unsigned argument, std::uint64_t type) { return {argument, S_IFMT, type}; }

// A real-time policy, with or without SCHED_RESET_ON_FORK; the others any user may choose, sched(7).
constexpr When policy(std::uint64_t which) { return {1, kInt & ~std::uint64_t{SCHED_RESET_ON_FORK}, which}; }

constexpr When option(std::uint64_t which) { return {0, kInt, which}; }

// ioprio_set(2): three bits of class above 13 bits of data; class 1 is real time. linux/ioprio.h is no C++.
constexpr When kRealTimeClass = {2, 7U << 13, 1U << 13};

// An address that is given. Every getrlimit(3) is a prlimit(2) without new limits, and nothing to answer.
constexpr When given(unsigned argument) { return {argument, ~std::uint64_t{0}, 0, true}; }

// A nice value below 0; from 0 on, an ordinary user may go up.
constexpr When kNegativeNice = {2, 0x80000000, 0x80000000};

using enum How;

constexpr Row kTable[] = {
    {"getuid", Item::kGetId, kZero, kNotify, {}, Call::kGetUid},
    {"geteuid", Item::kGetId, kZero, kNotify, {}, Call::kGetEuid},
    {"getgid", Item::kGetId, kZero, kNotify, {}, Call::kGetGid},
    {"getegid", Item::kGetId, kZero, kNotify, {}, Call::kGetEgid},
    {"getresuid", Item::kGetId, kKernel, kNotify, {}, Call::kGetResuid, 0, bit(0) | bit(1) | bit(2)},
    {"getresgid", Item::kGetId, kKernel, kNotify, {}, Call::kGetResgid, 0, bit(0) | bit(1) | bit(2)},
    {"getgroups", Item::kGetId, kKernel, kNotify, {}, Call::kGetGroups, 0, bit(1)},
    {"setuid", Item::kSetId, kZero, kNotify, {}, Call::kSetUid},
    {"setreuid", Item::kSetId, kZero, kNotify, {}, Call::kSetReuid},
    {"setresuid", Item::kSetId, kZero, kNotify, {}, Call::kSetResuid},
    {"setfsuid", Item::kSetId, kZero, kNotify, {}, Call::kSetFsuid},
    {"setgid", Item::kSetId, kZero, kNotify, {}, Call::kSetGid},
    {"setregid", Item::kSetId, kZero, kNotify, {}, Call::kSetRegid},
    {"setresgid", Item::kSetId, kZero, kNotify, {}, Call::kSetResgid},
    {"setfsgid", Item::kSetId, kZero, kNotify, {}, Call::kSetFsgid},
    {"setgroups", Item::kSetGroups, kZero, kNotify, {}, Call::kSetGroups, bit(1), 0},
    {"chown", Item::kChown, kZero, kZero, {}, Call::kChown, bit(0), 0, true},
    {"lchown", Item::kChown, kZero, kZero, {}, Call::kLchown, bit(0), 0, true},
    {"fchown", Item::kChown, kZero, kZero, {}, Call::kFchown, 0, 0, true},
    {"fchownat", Item::kChown, kZero, kZero, {}, Call::kFchownat, bit(1), 0, true},
    {"stat", Item::kChown, kKernel, kKernel, {}, Call::kStat, bit(0), bit(1), true},
    {"lstat", Item::kChown, kKernel, kKernel, {}, Call::kLstat, bit(0), bit(1), true},
    {"fstat", Item::kChown, kKernel, kKernel, {}, Call::kFstat, 0, bit(1), true},
    {"newfstatat", Item::kChown, kKernel, kKernel, {}, Call::kNewfstatat, bit(1), bit(2), true},
    {"statx", Item::kChown, kKernel, kKernel, {}, Call::kStatx, bit(1), bit(4), true},
    {"mknod", Item::kMknod, kZero, kZero, device(1, S_IFCHR)},
    {"mknod", Item::kMknod, kZero, kZero, device(1, S_IFBLK)},
    {"mknodat", Item::kMknod, kZero, kZero, device(2, S_IFCHR)},
    {"mknodat", Item::kMknod, kZero, kZero, device(2, S_IFBLK)},
    {"capset", Item::kCapset, kZero, kNotify, {}, Call::kCapset, bit(0) | bit(1), bit(0)},
    {"capget", Item::kCapset, kKernel, kNotify, {}, Call::kCapget, bit(0), bit(0) | bit(1)},
    {"chroot", Item::kChroot, kKernel, kNotify, {}, Call::kChroot, bit(0), 0},
    {"chdir", Item::kChroot, kKernel, kNotify, {}, Call::kChdir, bit(0), 0},
    {"setpriority", Item::kSetPriority, kKernel, kZero, kNegativeNice},
    {"sched_setscheduler", Item::kSched, kKernel, kZero, policy(SCHED_FIFO)},
    {"sched_setscheduler", Item::kSched, kKernel, kZero, policy(SCHED_RR)},
    {"sched_setparam", Item::kSched, kKernel, kZero},
    {"sched_setattr", Item::kSched, kKernel, kZero},
    {"ioprio_set", Item::kIoprio, kKernel, kZero, kRealTimeClass},
    {"mlock", Item::kMlock, kKernel, kZero},
    {"mlock2", Item::kMlock, kKernel, kZero},
    {"mlockall", Item::kMlock, kKernel, kZero},
    {"setrlimit", Item::kSetRlimit, kKernel, kNotify, {}, Call::kSetRlimit, bit(1), 0},
    {"prlimit64", Item::kSetRlimit, kKernel, kNotify, given(2), Call::kPrlimit, bit(2), bit(3)},
    {"prctl", Item::kPrctl, kKernel, kNotify, option(PR_CAPBSET_READ), Call::kPrctl},
    {"prctl", Item::kPrctl, kKernel, kNotify, option(PR_CAPBSET_DROP), Call::kPrctl},
    {"prctl", Item::kPrctl, kKernel, kNotify, option(PR_GET_SECUREBITS), Call::kPrctl},
    {"prctl", Item::kPrctl, kKernel, kNotify, option(PR_SET_SECUREBITS), Call::kPrctl},
    {"prctl", Item::kPrctl, kKernel, kNotify, option(PR_GET_KEEPCAPS), Call::kPrctl},
    {"prctl", Item::kPrctl, kKernel, kNotify, option(PR_SET_KEEPCAPS), Call::kPrctl},
    {"prctl", Item::kPrctl, kKernel, kNotify, option(PR_CAP_AMBIENT), Call::kPrctl},
    // Not answered, only heard of: the last moment at which a daemon's children can be told to be its own.
    {"exit_group", Item::kSetId, kKernel, kNotify, {}, Call::kExitGroup},
    // i386 has them twice; the ones without 32 are for ids of 16 bits, which no C library asks for any more. PID 1
    // answers in the machine's own architecture alone, so these are constant at both levels.
    {"getuid32", Item::kGetId, kZero, kZero},
    {"geteuid32", Item::kGetId, kZero, kZero},
    {"getgid32", Item::kGetId, kZero, kZero},
    {"getegid32", Item::kGetId, kZero, kZero},
    {"setuid32", Item::kSetId, kZero, kZero},
    {"setreuid32", Item::kSetId, kZero, kZero},
    {"setresuid32", Item::kSetId, kZero, kZero},
    {"setfsuid32", Item::kSetId, kZero, kZero},
    {"setgid32", Item::kSetId, kZero, kZero},
    {"setregid32", Item::kSetId, kZero, kZero},
    {"setresgid32", Item::kSetId, kZero, kZero},
    {"setfsgid32", Item::kSetId, kZero, kZero},
    {"setgroups32", Item::kSetGroups, kZero, kZero},
    {"chown32", Item::kChown, kZero, kZero},
    {"lchown32", Item::kChown, kZero, kZero},
    {"fchown32", Item::kChown, kZero, kZero},
};

std::string_view name_of(Level level) { return level == Level::kFull ? "full" : level == Level::kIds ? "ids" : "off"; }

How at(const Row& row, Level level) {
    return level == Level::kFull ? row.full : level == Level::kIds ? row.ids : kKernel;
}

bool belongs_to(Item item, Level level) {
    return std::ranges::any_of(kTable, [=](const Row& row) { return row.item == item && at(row, level) != kKernel; });
}

std::string items_of(Level level) {
    std::string list;
    for (std::size_t i = 0; i < kItems; ++i) {
        if (belongs_to(static_cast<Item>(i), level)) {
            list.append(list.empty() ? "" : ", ").append(kNames[i]);
        }
    }
    return list;
}

// Where it was written, to begin a line with; a file's place does not name the option.
std::string at(const Source& source) {
    constexpr std::string_view kOption = "emulate-root: ";
    if (source.where.empty()) {
        return std::string(kOption);
    }
    const bool names_option = source.kind == SourceKind::kFlag || source.kind == SourceKind::kEnvironment;
    return source.where + ": " + (names_option ? "" : std::string(kOption));
}

std::optional<Level> level_named(std::string_view word) {
    for (const Level level : {Level::kOff, Level::kIds, Level::kFull}) {
        if (word == name_of(level)) {
            return level;
        }
    }
    return std::nullopt;
}

// Takes one "-item" out; the reason if it cannot be.
std::string take_out(Emulation& emulation, std::string_view word) {
    if (!word.starts_with('-')) {
        return "only an item to take out may follow the level, with a minus sign: full,-chroot";
    }
    const auto* const found = std::ranges::find(kNames, word.substr(1));
    const auto index = static_cast<std::size_t>(found - kNames.begin());
    if (found == kNames.end() || !belongs_to(static_cast<Item>(index), emulation.level)) {
        return emulation.level == Level::kOff ? std::string("nothing can be taken out of off")
                                              : fmt::format("not an item of level {}; those are: {}",
                                                            name_of(emulation.level), items_of(emulation.level));
    }
    if (emulation.removed[index]) {
        return "taken out twice";
    }
    emulation.removed.set(index);
    return {};
}

} // namespace

std::string_view name_of(Item item) { return kNames[static_cast<std::size_t>(item)]; }

Result<Emulation> parse_emulation(std::string_view text, const Source& source) {
    const std::string_view word = text.substr(0, text.find(','));
    const std::optional<Level> level = level_named(word);
    if (!level) {
        return fail(ExitCode::kUsage, fmt::format("{}\"{}\" is not a level; give off, ids or full", at(source), word));
    }
    Emulation emulation{.level = *level, .removed = {}};
    std::size_t from = word.size();
    while (from < text.size()) {
        const std::size_t end = std::min(text.find(',', from + 1), text.size());
        const std::string_view item = text.substr(from + 1, end - from - 1);
        if (const std::string why = take_out(emulation, item); !why.empty()) {
            return fail(ExitCode::kUsage, fmt::format("{}\"{}\" in \"{}\": {}", at(source), item, text, why));
        }
        from = end;
    }
    return emulation;
}

std::string to_text(const Emulation& emulation) {
    std::string text(name_of(emulation.level));
    for (std::size_t i = 0; i < kItems; ++i) {
        if (emulation.removed[i]) {
            text.append(",-").append(kNames[i]);
        }
    }
    return text;
}

std::span<const Row> table() { return kTable; }

How how(const Row& row, const Emulation& emulation) {
    if (!emulation.has(row.item)) {
        return kKernel;
    }
    return emulation.owners && row.owners ? kNotify : at(row, emulation.level);
}

} // namespace stepdown::emulate
