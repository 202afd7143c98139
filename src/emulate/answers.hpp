#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"

// Which system calls are answered in the kernel's place, and how: data, and the words in which a user chooses.
namespace stepdown::emulate {

enum class Level { kOff, kIds, kFull };

// What --emulate-root takes out one by one. Each is a family of calls.
enum class Item {
    kGetId,
    kSetId,
    kSetGroups,
    kChown,
    kMknod,
    kCapset,
    kChroot,
    kSetPriority,
    kSched,
    kIoprio,
    kMlock,
    kSetRlimit,
    kPrctl,
};
inline constexpr std::size_t kItems = static_cast<std::size_t>(Item::kPrctl) + 1;

std::string_view name_of(Item item);

// What was chosen.
struct Emulation {
    Level level = Level::kOff;
    std::bitset<kItems> removed;
    bool owners = false; // level full: chown is remembered, stat answers with it

    bool has(Item item) const { return !removed[static_cast<std::size_t>(item)]; }
    bool operator==(const Emulation&) const = default;
};

// "off", "ids" or "full", with ",-item" behind it for each family to leave to the kernel. Errors (kUsage) are one line
// that names the source, the word and what would be right.
Result<Emulation> parse_emulation(std::string_view text, const Source& source);

// "full,-chroot": what parse_emulation reads back to the same.
std::string to_text(const Emulation& emulation);

// The calls that emulate::Session answers.
enum class Call {
    kNone,
    kGetUid,
    kGetEuid,
    kGetGid,
    kGetEgid,
    kGetResuid,
    kGetResgid,
    kGetGroups,
    kSetUid,
    kSetReuid,
    kSetResuid,
    kSetFsuid,
    kSetGid,
    kSetRegid,
    kSetResgid,
    kSetFsgid,
    kSetGroups,
    kCapget,
    kCapset,
    kPrctl,
    kChroot,
    kChdir,
    kSetRlimit,
    kPrlimit,
    kExitGroup,
    kChown,
    kLchown,
    kFchown,
    kFchownat,
    kStat,
    kLstat,
    kFstat,
    kNewfstatat,
    kStatx,
};

enum class How {
    kKernel, // left alone
    kZero,   // the filter answers success, value 0, and nothing happens: SECCOMP_RET_ERRNO with errno 0
    kNotify, // PID 1 answers: SECCOMP_RET_USER_NOTIF
};

// Only calls with (argument & mask) == value, or, when unequal is set, with argument != value; a mask of 0 is every
// call.
struct When {
    unsigned argument = 0;
    std::uint64_t mask = 0;
    std::uint64_t value = 0;
    bool unequal = false;

    bool operator==(const When&) const = default;
};

// One row of the table. A name may have several, for different arguments. Names that a machine does not have are for
// others: those that end in 32 are i386's.
struct Row {
    std::string_view name;
    Item item;
    How ids;  // at level ids
    How full; // at level full
    When when = {};
    Call call = Call::kNone; // where full is kNotify, or owners is set
    unsigned reads = 0;      // bit n: argument n is an address that PID 1 reads from
    unsigned writes = 0;     // likewise, that it writes a result to
    bool owners = false;     // notified at level full with --emulate-owners
};

std::span<const Row> table();

// How the row's call is answered under that choice.
How how(const Row& row, const Emulation& emulation);

} // namespace stepdown::emulate
