#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace stepdown::confine {

// What a call can come in as. One kernel takes several: an x86-64 one also i386 calls (int 0x80) and x32 ones.
enum class Architecture { kX86_64, kX86, kX32, kAarch64, kArm, kRiscv64 };

// What a filter answers the kernel: SECCOMP_RET_* of seccomp(2) with its data (an errno) in the low 16 bits.
using Action = std::uint32_t;

enum class Compare { kNotEqual, kLess, kLessOrEqual, kEqual, kGreaterOrEqual, kGreater, kMaskedEqual };

// A condition on one argument, unsigned. kMaskedEqual: (argument & value) == (value_two & value), seccomp_rule_add(3);
// value_two counts for it alone.
struct Condition {
    unsigned index = 0; // 0..5
    Compare compare = Compare::kEqual;
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;

    bool operator==(const Condition&) const = default;
};

// One entry of "syscalls": the action for calls of these names when all conditions hold. No conditions: always.
struct Rule {
    std::vector<std::string> names;
    Action action = 0;
    std::vector<Condition> conditions;
    std::string place = {}; // where it was written, for people: "syscalls[12]"

    bool operator==(const Rule&) const = default;
};

// major << 16 | minor
using KernelVersion = std::uint32_t;
inline constexpr KernelVersion kNoKernel = ~KernelVersion{0};

// A profile that was read: nothing in it depends on the text any more. Rules for other capabilities, kernels or
// machines are gone.
//
// For one call: rules with conditions are tried first, in the file's order; then the first rule without; then the
// default. A call above all that the profile names is newer than its author: ENOSYS where the default would refuse it.
// A call through an architecture that is not listed kills the process.
struct Profile {
    Action default_action = 0;
    std::vector<Architecture> architectures; // the most used first; never empty
    std::vector<Rule> rules;
    std::vector<std::string> also_named = {}; // in rules that are gone: the author knew these calls
    unsigned flags = 0;                       // SECCOMP_FILTER_FLAG_* of seccomp(2)
    // The kernels for which the rules that ask for a version would be the same: from, inclusive, to below.
    KernelVersion kernel_from = 0;
    KernelVersion kernel_below = kNoKernel;
    // Likewise the capabilities that rules ask for, "net_admin": those that the app has, and those that it has not.
    std::set<std::string> with_capabilities = {};
    std::set<std::string> without_capabilities = {};

    bool operator==(const Profile&) const = default;
};

} // namespace stepdown::confine
