#include "confine/compile.hpp"

#include <algorithm>
#include <cerrno>
#include <compare>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <linux/seccomp.h>

#include "confine/assembler.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

// A condition with what the kernel makes of the argument: only the bits in mask.
struct Test {
    unsigned index;
    Compare compare;
    std::uint64_t mask;
    std::uint64_t value;
    std::uint64_t value_two;

    auto operator<=>(const Test&) const = default;
};

// Everything the profile says about one call number, in the order it is tried. Ends with the unconditional answer.
struct Choice {
    std::vector<Test> tests; // all must hold
    Action action;

    auto operator<=>(const Choice&) const = default;
};
using Fate = std::vector<Choice>;

constexpr std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
constexpr std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

// ---- from the profile to a fate for each number

Fate fate_of(std::vector<Choice> said, Action otherwise) {
    Fate fate;
    for (Choice& choice : said) {
        if (choice.tests.empty()) {
            otherwise = choice.action;
            break;
        }
        fate.push_back(std::move(choice));
    }
    while (!fate.empty() && fate.back().action == otherwise) {
        fate.pop_back();
    }
    fate.push_back({{}, otherwise});
    return fate;
}

std::vector<Test> tests_of(const Rule& rule, std::string_view name) {
    std::vector<Test> tests;
    for (const Condition& condition : rule.conditions) {
        const std::uint64_t mask = argument_mask(name, condition.index);
        tests.push_back({condition.index, condition.compare, mask, condition.value & mask,
                         condition.value & condition.value_two & mask});
    }
    return tests;
}

bool has_rule_for(const Profile& profile, std::string_view name) {
    return std::ranges::any_of(profile.rules,
                               [name](const Rule& rule) { return std::ranges::contains(rule.names, name); });
}

// Where a filter cannot see the arguments that the profile means, a rule without conditions holds as it is; one with
// conditions becomes ENOSYS, which sends the C library to a call whose arguments can be seen.
Action without_arguments(const Rule& rule) {
    return rule.conditions.empty() ? rule.action : SECCOMP_RET_ERRNO | ENOSYS;
}

// One that says under conditions what is said without them anyway; there it must not become ENOSYS.
bool says_no_more(const Profile& profile, const Rule& rule, std::string_view name) {
    const auto always = std::ranges::find_if(profile.rules, [name](const Rule& other) {
        return other.conditions.empty() && std::ranges::contains(other.names, name);
    });
    return !rule.conditions.empty() && always != profile.rules.end() && always->action == rule.action;
}

// A profile that names the multiplexer itself has decided about it.
std::optional<Choice> choice_of(const Profile& profile, const Rule& rule, std::string_view name, const Entry& entry,
                                Architecture architecture) {
    if (!entry.subcall && !hides_arguments(name, architecture)) {
        return Choice{tests_of(rule, name), rule.action};
    }
    const bool decided = entry.subcall && has_rule_for(profile, entry.number == kI386Ipc ? "ipc" : "socketcall");
    if (decided || says_no_more(profile, rule, name)) {
        return std::nullopt;
    }
    Choice choice{{}, without_arguments(rule)};
    if (entry.subcall) {
        choice.tests.push_back({0, Compare::kMaskedEqual, kWholeWord, 0xffff, *entry.subcall});
    }
    return choice;
}

using Said = std::map<std::uint32_t, std::vector<Choice>>;

void collect(const Profile& profile, Architecture architecture, bool conditional, Said& said) {
    for (const Rule& rule : profile.rules) {
        if (rule.conditions.empty() == conditional) {
            continue;
        }
        for (const std::string& name : rule.names) {
            for (const Entry& entry : entries_of(name, architecture)) {
                if (std::optional<Choice> choice = choice_of(profile, rule, name, entry, architecture)) {
                    said[entry.number].push_back(std::move(*choice));
                }
            }
        }
    }
}

// ---- from fates to instructions

// (word & mask) == value
Target equal(Assembler& code, std::size_t offset, std::uint32_t mask, std::uint32_t value, Target yes, Target no) {
    if ((value & ~mask) != 0) {
        return no;
    }
    if (mask == 0) {
        return yes;
    }
    if (value == 0 && mask != kWholeWord) {
        return code.branch(offset, kWholeWord, BPF_JSET, mask, no, yes);
    }
    return code.branch(offset, mask, BPF_JEQ, value, yes, no);
}

Target equal(Assembler& code, unsigned index, std::uint64_t mask, std::uint64_t value, Target yes, Target no) {
    const Target rest = equal(code, low_word(index), low(mask), low(value), yes, no);
    return equal(code, high_word(index), high(mask), high(value), rest, no);
}

// argument > value, or >=, unsigned
Target above(Assembler& code, const Test& test, unsigned jump, Target yes, Target no) {
    const Target rest = code.branch(low_word(test.index), low(test.mask), jump, low(test.value), yes, no);
    if (high(test.mask) == 0) {
        return rest;
    }
    const Target same = code.branch(high_word(test.index), kWholeWord, BPF_JEQ, high(test.value), rest, no);
    return code.branch(high_word(test.index), kWholeWord, BPF_JGT, high(test.value), yes, same);
}

Target generate(Assembler& code, const Test& test, Target yes, Target no) {
    switch (test.compare) {
    case Compare::kEqual:
        return equal(code, test.index, test.mask, test.value, yes, no);
    case Compare::kNotEqual:
        return equal(code, test.index, test.mask, test.value, no, yes);
    case Compare::kMaskedEqual:
        return equal(code, test.index, test.mask & test.value, test.value_two, yes, no);
    case Compare::kGreater:
        return above(code, test, BPF_JGT, yes, no);
    case Compare::kGreaterOrEqual:
        return above(code, test, BPF_JGE, yes, no);
    case Compare::kLess:
        return above(code, test, BPF_JGE, no, yes);
    case Compare::kLessOrEqual:
        return above(code, test, BPF_JGT, no, yes);
    }
    std::unreachable();
}

Target generate(Assembler& code, const Fate& fate) {
    Target next = code.answer(fate.back().action);
    for (std::size_t i = fate.size() - 1; i-- > 0;) {
        Target hit = code.answer(fate[i].action);
        for (std::size_t j = fate[i].tests.size(); j-- > 0;) {
            hit = generate(code, fate[i].tests[j], hit, next);
        }
        next = hit;
    }
    return code.enter(next);
}

// The numbers from first up to the next segment's first share a target.
struct Segment {
    std::uint32_t first;
    Target target;
};

// A short stretch first loses the numbers that differ from equal neighbours on both sides, one comparison each; the
// rest halves.
Target search(Assembler& code, const std::vector<Segment>& segments) {
    if (segments.size() == 1) {
        return segments.front().target;
    }
    constexpr std::size_t kShort = 7;
    for (std::size_t i = 1; segments.size() <= kShort && i + 1 < segments.size(); ++i) {
        if (segments[i + 1].first == segments[i].first + 1 && segments[i + 1].target == segments[i - 1].target) {
            std::vector<Segment> rest = segments;
            rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i),
                       rest.begin() + static_cast<std::ptrdiff_t>(i) + 2);
            const Target others = search(code, rest);
            return code.branch(kNumber, kWholeWord, BPF_JEQ, segments[i].first, segments[i].target, others);
        }
    }
    const auto middle = segments.begin() + static_cast<std::ptrdiff_t>(segments.size() / 2);
    const Target upper = search(code, {middle, segments.end()});
    const Target lower = search(code, {segments.begin(), middle});
    return code.branch(kNumber, kWholeWord, BPF_JGE, middle->first, upper, lower);
}

// The largest number that the profile names, in rules for other machines, kernels or capabilities too: what is above
// was not known to its author. ARM's own calls have numbers far above the others.
std::optional<std::uint32_t> newest(const Profile& profile, Architecture architecture) {
    constexpr std::uint32_t kArmPrivate = 0xf0000;
    std::optional<std::uint32_t> largest;
    const auto look_at = [&](const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            for (const Entry& entry : entries_of(name, architecture)) {
                if (architecture != Architecture::kArm || entry.number < kArmPrivate) {
                    largest = std::max(largest, std::optional(entry.number));
                }
            }
        }
    };
    for (const Rule& rule : profile.rules) {
        look_at(rule.names);
    }
    look_at(profile.also_named);
    return largest;
}

bool refuses(Action action) {
    const Action kind = action & SECCOMP_RET_ACTION_FULL;
    return kind == SECCOMP_RET_ERRNO || kind == SECCOMP_RET_KILL_THREAD || kind == SECCOMP_RET_KILL_PROCESS ||
           kind == SECCOMP_RET_TRAP;
}

// Where each answer to numbers without a rule begins. x32 calls are x86-64's with a bit in the number, and killed
// unless listed. Number -1 is no call: a debugger outside sets it to skip one, so it gets the default.
using Starts = std::map<std::uint32_t, Target>;

Starts without_rules(Assembler& code, const Profile& profile, std::uint32_t audit) {
    const Target otherwise = code.answer(profile.default_action);
    Starts starts = {{0, otherwise}, {0xffffffff, otherwise}};
    const bool has_x32 = audit == facts_of(Architecture::kX32).audit;
    if (has_x32) {
        starts.emplace(kX32Bit, std::ranges::contains(profile.architectures, Architecture::kX32)
                                    ? otherwise
                                    : code.answer(SECCOMP_RET_KILL_PROCESS));
    }
    for (const Architecture architecture : profile.architectures) {
        const auto largest = newest(profile, architecture);
        if (facts_of(architecture).audit == audit && largest && refuses(profile.default_action)) {
            starts.emplace(*largest + 1, code.answer(SECCOMP_RET_ERRNO | ENOSYS));
        }
    }
    return starts;
}

Target at(const Starts& starts, std::uint32_t number) { return std::prev(starts.upper_bound(number))->second; }

// All calls that arrive with one AUDIT_ARCH.
Target section(Assembler& code, const Profile& profile, std::uint32_t audit) {
    Said said;
    for (const bool conditional : {true, false}) {
        for (const Architecture architecture : profile.architectures) {
            if (facts_of(architecture).audit == audit) {
                collect(profile, architecture, conditional, said);
            }
        }
    }
    const Starts unnamed = without_rules(code, profile, audit);
    Starts starts = unnamed;
    std::map<Fate, Target> generated = {{fate_of({}, profile.default_action), code.answer(profile.default_action)}};
    for (auto& [number, choices] : said) {
        Fate fate = fate_of(std::move(choices), profile.default_action);
        auto known = generated.find(fate);
        if (known == generated.end()) {
            const Target target = generate(code, fate);
            known = generated.emplace(std::move(fate), target).first;
        }
        starts[number] = known->second;
        starts.emplace(number + 1, at(unnamed, number + 1));
    }
    std::vector<Segment> segments;
    for (const auto& [first, target] : starts) {
        if (segments.empty() || segments.back().target != target) {
            segments.push_back({first, target});
        }
    }
    return search(code, segments);
}

} // namespace

Result<std::vector<sock_filter>> compile(const Profile& profile) {
    std::vector<std::uint32_t> audits;
    for (const Architecture architecture : profile.architectures) {
        if (!std::ranges::contains(audits, facts_of(architecture).audit)) {
            audits.push_back(facts_of(architecture).audit);
        }
    }
    Assembler code;
    Target next = code.answer(SECCOMP_RET_KILL_PROCESS);
    for (std::size_t i = audits.size(); i-- > 0;) {
        next = code.branch(kArchitecture, kWholeWord, BPF_JEQ, audits[i], section(code, profile, audits[i]), next);
    }
    std::vector<sock_filter> program = code.program(next);
    if (program.size() > BPF_MAXINSNS) {
        return fail(
            ExitCode::kUsage,
            fmt::format(
                "the filter would have {} instructions, the kernel takes {}: use fewer conditions or architectures",
                program.size(), BPF_MAXINSNS));
    }
    return program;
}

} // namespace stepdown::confine
