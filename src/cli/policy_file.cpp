#include "cli/policy_file.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "cli/toml.hpp"

namespace stepdown::cli {
namespace {

using Checks = std::span<const std::string_view>;

constexpr std::uint64_t kNetBindService = 1U << 10;
constexpr std::uint64_t kDockersDefault = 0xa80425fb;

std::unexpected<Error> refuse_line(const std::string& name, const toml::node& value, std::string_view why) {
    return fail(ExitCode::kUsage, place_of(name, value.source()).append(": ").append(why));
}

struct Flag {
    std::string_view key;
    bool Floor::* field;
};
constexpr Flag kFlags[] = {{"allow-root", &Floor::root_allowed},
                           {"allow-root-group", &Floor::root_group_allowed},
                           {"allow-new-privileges", &Floor::new_privileges_allowed},
                           {"allow-unconfined", &Floor::no_filter_allowed}};

struct Mask {
    std::string_view key;
    std::uint64_t Floor::* field;
};
constexpr Mask kMasks[] = {{"capabilities", &Floor::capabilities}, {"bounding", &Floor::bounding}};

bool read_mask(const toml::node& value, std::uint64_t& into) {
    if (!value.is_string() || value.as_string()->get().size() != 16) {
        return false;
    }
    const std::string& text = value.as_string()->get();
    const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), into, 16);
    return fault == std::errc{} && stop == text.data() + text.size();
}

// Days are compared as texts, so a year has its zeros.
std::string day_of(const toml::date& date) {
    const auto padded = [](int number, std::size_t width) {
        const std::string digits = std::to_string(number);
        return std::string(width - std::min(width, digits.size()), '0') + digits;
    };
    return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2);
}

std::unexpected<Error> unknown_check(const std::string& name, const toml::node& value, Checks checks) {
    std::string line = "check: \"" + value.as_string()->get() + "\" is no check; there are";
    for (const std::string_view check : checks) {
        line.append(check == checks.front() ? " " : ", ").append(check);
    }
    return refuse_line(name, value, line);
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

Result<Waiver> read_waiver(const toml::node& value, const std::string& name, Checks checks) {
    constexpr std::string_view kWanted = "a waiver has check = \"ID\", reason = \"WHY\" and expires = YYYY-MM-DD";
    Waiver waiver;
    if (!value.is_table()) {
        return refuse_line(name, value, kWanted);
    }
    for (const auto& [key, one] : *value.as_table()) {
        if (key == "check" && one.is_string()) {
            waiver.check = one.as_string()->get();
            if (!checks.empty() && !std::ranges::contains(checks, waiver.check)) {
                return unknown_check(name, one, checks);
            }
        } else if (key == "reason" && one.is_string()) {
            waiver.reason = one.as_string()->get();
        } else if (key == "expires" && one.is_date()) {
            waiver.expires = day_of(one.as_date()->get());
        } else {
            return refuse_line(name, one, std::string(key.str()).append(": ").append(kWanted));
        }
    }
    if (waiver.check.empty() || is_blank(waiver.reason) || waiver.expires.empty()) {
        return refuse_line(name, value, kWanted);
    }
    return waiver;
}

Result<> read_key(const std::string& key, const toml::node& value, const std::string& name, Checks checks,
                  Policy& policy) {
    for (const Flag& flag : kFlags) {
        if (key == flag.key) {
            if (!value.is_boolean()) {
                return refuse_line(name, value, key + ": takes true or false");
            }
            policy.floor.*flag.field = value.as_boolean()->get();
            return {};
        }
    }
    for (const Mask& mask : kMasks) {
        if (key == mask.key) {
            return read_mask(value, policy.floor.*mask.field)
                       ? Result<>()
                       : refuse_line(name, value,
                                     key + ": takes a string of 16 hexadecimal digits, as CapEff in status");
        }
    }
    if (key == "waiver" && value.is_array()) {
        for (const toml::node& one : *value.as_array()) {
            auto waiver = read_waiver(one, name, checks);
            if (!waiver) {
                return std::unexpected(waiver.error());
            }
            policy.waivers.push_back(std::move(*waiver));
        }
        return {};
    }
    return key == "base" ? Result<>() : refuse_line(name, value, key + ": no such key of a policy");
}

Result<Policy> read_table(const toml::table& file, const std::string& name, Checks checks) {
    Policy policy;
    if (const toml::node* base = file.get("base"); base != nullptr) {
        const auto known = base->is_string() ? named_policy(base->as_string()->get()) : std::nullopt;
        if (!known) {
            return refuse_line(name, *base, "base: takes \"restricted\" or \"baseline\"");
        }
        policy = *known;
    }
    policy.name = name;
    for (const auto& [key, value] : file) {
        if (auto read = read_key(std::string(key.str()), value, name, checks, policy); !read) {
            return std::unexpected(read.error());
        }
    }
    return policy;
}

} // namespace

std::optional<Policy> named_policy(std::string_view word) {
    if (word == "restricted") {
        return Policy{.name = "restricted",
                      .floor = {.root_group_allowed = true, .capabilities = kNetBindService},
                      .waivers = {}};
    }
    if (word == "baseline") {
        return Policy{.name = "baseline",
                      .floor = {.root_allowed = true,
                                .root_group_allowed = true,
                                .new_privileges_allowed = true,
                                .capabilities = kDockersDefault},
                      .waivers = {}};
    }
    return std::nullopt;
}

Result<Policy> read_policy(const std::string& text, const std::string& name, Checks checks) {
    const auto file = parse_toml(text, name);
    return file ? read_table(*file, name, checks) : std::unexpected(file.error());
}

} // namespace stepdown::cli
