#include "confine/decide.hpp"

#include <algorithm>
#include <utility>

#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

bool holds(const Condition& condition, std::uint64_t mask, std::uint64_t argument) {
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
    std::unreachable();
}

// Nothing when a condition is about an argument that is not given, and none fails.
std::optional<bool> holds(const Rule& rule, std::string_view name, const Arguments& arguments) {
    std::optional<bool> all = true;
    for (const Condition& condition : rule.conditions) {
        if (condition.index >= arguments.size() || !arguments[condition.index]) {
            all = std::nullopt;
        } else if (!holds(condition, argument_mask(name, condition.index), *arguments[condition.index])) {
            return false;
        }
    }
    return all;
}

} // namespace

std::vector<const Rule*> rules_about(const Profile& profile, std::string_view name) {
    std::vector<const Rule*> about;
    for (const bool conditional : {true, false}) {
        for (const Rule& rule : profile.rules) {
            if (rule.conditions.empty() != conditional && std::ranges::contains(rule.names, name)) {
                about.push_back(&rule);
            }
        }
    }
    return about;
}

std::optional<const Rule*> deciding_rule(const Profile& profile, std::string_view name, const Arguments& arguments) {
    for (const Rule* rule : rules_about(profile, name)) {
        const std::optional<bool> decides = holds(*rule, name, arguments);
        if (!decides) {
            return std::nullopt;
        }
        if (*decides) {
            return rule;
        }
    }
    return nullptr;
}

} // namespace stepdown::confine
