#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace stepdown {

// The line types of tmpfiles.d(5) that a container's start can need.
enum class SetupKind {
    kMakeDirectory,   // d
    kOwn,             // Z: owner and mode of a whole tree
    kFile,            // f
    kWrite,           // w
    kEmptyDirectory,  // D
    kAdjustDirectory, // e
    kLink,            // L
    kCopy,            // C
    kFifo,            // p
    kAdjust,          // z, m
    kRemove,          // r
    kRemoveTree,      // R
};

// One piece of root-only work: a line of tmpfiles.d(5) with its specifiers replaced, or what a shorthand stands for.
struct SetupStep {
    SetupKind kind = SetupKind::kMakeDirectory;
    std::string path;                  // absolute; a glob(7) pattern for kWrite, kAdjust*, kOwn, kRemove*
    std::optional<std::uint32_t> mode; // permission bits; empty: the kind's default for what is new, else unchanged

    // Where the line came from: the option, or "FILE:LINE". Empty for a shorthand, whose flag its kind tells.
    std::string origin = {};
    bool for_app = true;    // a shorthand: the app becomes the owner
    bool must_exist = true; // kOwn, kAdjust*, kWrite: a pattern without a match is an error
    std::string user = {};  // of a line, as written; empty: not given
    std::string group = {};
    std::optional<uid_t> uid = {}; // of a line, resolved; empty: root for what is new, else unchanged
    std::optional<gid_t> gid = {};
    std::string age = {};       // as written: nothing is cleaned, but two lines may differ in it
    bool mode_only_new = false; // ':' before the mode, the user, the group
    bool user_only_new = false;
    bool group_only_new = false;
    bool mode_masked = false;                    // '~': no bit that the file has for nobody
    bool force = false;                          // '+': truncate, append, replace
    bool replace_others = false;                 // '=': what is in the way and of another type is removed
    bool may_fail = false;                       // '-'
    bool has_argument = false;                   // an empty argument may be meant
    std::string argument = {};                   // content, target or source
    std::optional<std::uint32_t> file_mode = {}; // kOwn of the app: of what is no directory; mode is the directories'

    bool operator==(const SetupStep&) const = default;
};

// What a recursive change of owner does with a tree.
enum class OwnPolicy {
    kMismatch,     // walk, change what differs
    kRootMismatch, // the same, unless the top is as wanted already: Kubernetes' OnRootMismatch
    kAlways,       // walk, change everything
    kSkip,         // leave it
};

// Refusals that users meet on their volumes, each of which they may allow: one bit each.
enum AllowedRefusal : unsigned {
    kAllowReadOnly = 1,  // the file system is mounted read-only
    kAllowNoChown = 2,   // root_squash, or no CAP_CHOWN
    kAllowImmutable = 4, // chattr +i, +a
};

struct OwnRules {
    OwnPolicy policy = OwnPolicy::kMismatch;
    unsigned allowed = 0; // AllowedRefusal bits
    bool cross_mounts = false;

    bool operator==(const OwnRules&) const = default;
};

} // namespace stepdown
