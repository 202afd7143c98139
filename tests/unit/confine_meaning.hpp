#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/seccomp.h>

#include "confine/read.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::testing {

using namespace stepdown::confine;

inline constexpr Machine kX86Machine = {Architecture::kX86_64, 6, 1};

constexpr Action refusal(int error) { return SECCOMP_RET_ERRNO | static_cast<Action>(error); }

inline seccomp_data call_of(Architecture architecture, std::uint32_t number,
                            std::initializer_list<std::uint64_t> args = {}) {
    seccomp_data data = {};
    data.nr = static_cast<int>(number);
    data.arch = facts_of(architecture).audit;
    std::size_t i = 0;
    for (const std::uint64_t arg : args) {
        data.args[i++] = arg;
    }
    return data;
}

// ---- A profile's meaning, read off rule by rule: slow, obvious, and no BPF. What compile() makes is held against it.

class Meaning {
  public:
    explicit Meaning(const Profile& profile) : profile_(profile) {
        std::vector<std::string> named = profile.also_named;
        for (const Rule& rule : profile.rules) {
            named.insert(named.end(), rule.names.begin(), rule.names.end());
        }
        for (const Architecture architecture : profile.architectures) {
            for (const std::string& name : named) {
                for (const Entry& entry : entries_of(name, architecture)) {
                    std::uint32_t& largest = largest_[family(facts_of(architecture).audit, entry.number)];
                    const bool private_to_arm = architecture == Architecture::kArm && entry.number >= 0xf0000;
                    largest = std::max(largest, private_to_arm ? 0 : entry.number);
                }
            }
        }
        for (const bool conditional : {true, false}) {
            for (const Architecture architecture : profile.architectures) {
                for (const Rule& rule : profile.rules) {
                    for (const std::string& name : rule.names) {
                        if (rule.conditions.empty() != conditional) {
                            for (const Entry& entry : entries_of(name, architecture)) {
                                sayings_.push_back({facts_of(architecture).audit, entry, rule, masks_of(name),
                                                    hides_arguments(name, architecture), always(name)});
                            }
                        }
                    }
                }
            }
        }
    }

    // Above all that the profile names: the author cannot have known the call.
    bool is_new(const seccomp_data& data) const {
        const auto number = static_cast<std::uint32_t>(data.nr);
        const auto largest = largest_.find(family(data.arch, number));
        return data.nr != -1 && largest != largest_.end() && number > largest->second;
    }

    Action operator()(const seccomp_data& data) const {
        if (!takes(data)) {
            return SECCOMP_RET_KILL_PROCESS;
        }
        for (const Saying& saying : sayings_) {
            if (saying.audit == data.arch && saying.entry.number == static_cast<std::uint32_t>(data.nr)) {
                if (const std::optional<Action> action = said(saying, data)) {
                    return *action;
                }
            }
        }
        const bool refused =
            profile_.default_action < SECCOMP_RET_USER_NOTIF || profile_.default_action >= SECCOMP_RET_KILL_PROCESS;
        return refused && is_new(data) ? refusal(ENOSYS) : profile_.default_action;
    }

    // How many of the interesting arguments are worth a try: all where a condition speaks of the number, some where a
    // rule does, one elsewhere.
    std::size_t tries(const seccomp_data& data, std::size_t all) const {
        std::size_t most = 1;
        for (const Saying& saying : sayings_) {
            if (saying.entry.number == static_cast<std::uint32_t>(data.nr)) {
                const bool looks =
                    saying.audit == data.arch && (!saying.rule.conditions.empty() || saying.entry.subcall);
                most = std::max(most, looks ? all : std::min<std::size_t>(all, 8));
            }
        }
        return most;
    }

  private:
    using Masks = std::array<std::uint64_t, 6>;
    struct Saying {
        std::uint32_t audit;
        Entry entry;
        Rule rule;
        Masks masks;
        bool hidden;                  // the arguments that are meant cannot be seen
        std::optional<Action> always; // what the first rule without conditions says of this name
    };

    static Masks masks_of(std::string_view name) {
        Masks masks;
        for (unsigned i = 0; i < masks.size(); ++i) {
            masks[i] = argument_mask(name, i);
        }
        return masks;
    }

    std::optional<Action> always(std::string_view name) const {
        for (const Rule& rule : profile_.rules) {
            if (rule.conditions.empty() && std::ranges::contains(rule.names, name)) {
                return rule.action;
            }
        }
        return std::nullopt;
    }

    bool takes(const seccomp_data& data) const {
        return std::ranges::any_of(profile_.architectures, [&data](Architecture architecture) {
            const bool x32 = (static_cast<std::uint32_t>(data.nr) & ~(kX32Bit - 1)) != 0;
            const bool bits_fit = data.nr == -1 || data.arch != facts_of(Architecture::kX32).audit ||
                                  x32 == (architecture == Architecture::kX32) || !x32;
            return facts_of(architecture).audit == data.arch && bits_fit;
        });
    }

    bool names(std::string_view multiplexer) const {
        return std::ranges::any_of(
            profile_.rules, [multiplexer](const Rule& rule) { return std::ranges::contains(rule.names, multiplexer); });
    }

    std::optional<Action> said(const Saying& saying, const seccomp_data& data) const {
        if (saying.entry.subcall || saying.hidden) {
            const bool meant =
                !saying.entry.subcall || ((data.args[0] & 0xffff) == *saying.entry.subcall &&
                                          !names(saying.entry.number == kI386Ipc ? "ipc" : "socketcall"));
            const bool unseen = !saying.rule.conditions.empty();
            if (!meant || (unseen && saying.always == saying.rule.action)) {
                return std::nullopt;
            }
            return unseen ? refusal(ENOSYS) : saying.rule.action;
        }
        const bool all = std::ranges::all_of(saying.rule.conditions, [&](const Condition& condition) {
            return holds(condition, data.args[condition.index], saying.masks[condition.index]);
        });
        return all ? std::optional(saying.rule.action) : std::nullopt;
    }

    static bool holds(const Condition& condition, std::uint64_t argument, std::uint64_t mask) {
        const std::uint64_t value = condition.value & mask;
        argument &= mask;
        switch (condition.compare) {
        case Compare::kNotEqual:
            return argument != value;
        case Compare::kLess:
            return argument < value;
        case Compare::kLessOrEqual:
            return argument <= value;
        case Compare::kEqual:
            return argument == value;
        case Compare::kGreaterOrEqual:
            return argument >= value;
        case Compare::kGreater:
            return argument > value;
        case Compare::kMaskedEqual:
            return (argument & value) == (condition.value_two & value);
        }
        return false;
    }

    using Family = std::pair<std::uint32_t, bool>; // AUDIT_ARCH, and whether x32
    static Family family(std::uint32_t audit, std::uint32_t number) {
        return {audit, audit == facts_of(Architecture::kX32).audit && (number & kX32Bit) != 0};
    }

    Profile profile_;
    std::map<Family, std::uint32_t> largest_;
    std::vector<Saying> sayings_; // in the order they are tried
};

// ---- Arguments worth trying: each value a profile names, its neighbours, and the same with dirty high bits.

inline std::vector<std::uint64_t> interesting_values(const Profile& profile) {
    std::vector<std::uint64_t> values = {0, 1, 0xffffffff, ~std::uint64_t{0}};
    for (const Rule& rule : profile.rules) {
        for (const Condition& condition : rule.conditions) {
            for (const std::uint64_t value : {condition.value, condition.value_two}) {
                for (const std::uint64_t near : {value - 1, value, value + 1, ~value}) {
                    values.push_back(near);
                    values.push_back(near ^ (std::uint64_t{1} << 32));
                    values.push_back(near ^ (std::uint64_t{1} << 16));
                }
            }
        }
    }
    return values;
}

// Every argument alone takes every value beside zeros, then all take the same one.
inline std::vector<std::array<std::uint64_t, 6>> interesting_arguments(const Profile& profile) {
    std::vector<std::array<std::uint64_t, 6>> all = {{}};
    for (const std::uint64_t value : interesting_values(profile)) {
        std::array<std::uint64_t, 6> arguments;
        arguments.fill(value);
        all.push_back(arguments);
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            arguments = {};
            arguments[i] = value;
            all.push_back(arguments);
        }
    }
    return all;
}

} // namespace stepdown::testing
