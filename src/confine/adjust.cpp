#include "confine/adjust.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <linux/seccomp.h>

#include "confine/groups.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

// Constants that a rule is likely to be about, the same on every machine with facts in syscalls.cpp. Arrays and no
// pointers: a row of these is nothing that a start relocates.
struct Constant {
    char name[28];
    std::uint32_t value;
};

constexpr Constant kConstants[] = {
    {"AF_UNIX", 1},
    {"AF_LOCAL", 1},
    {"AF_INET", 2},
    {"AF_INET6", 10},
    {"AF_KEY", 15},
    {"AF_NETLINK", 16},
    {"AF_PACKET", 17},
    {"AF_RDS", 21},
    {"AF_CAN", 29},
    {"AF_TIPC", 30},
    {"AF_BLUETOOTH", 31},
    {"AF_ALG", 38},
    {"AF_VSOCK", 40},
    {"AF_XDP", 44},
    {"SOCK_STREAM", 1},
    {"SOCK_DGRAM", 2},
    {"SOCK_RAW", 3},
    {"SOCK_SEQPACKET", 5},
    {"NETLINK_ROUTE", 0},
    {"NETLINK_AUDIT", 9},
    {"NETLINK_NETFILTER", 12},
    {"NETLINK_KOBJECT_UEVENT", 15},
    {"TIOCSTI", 0x5412},
    {"TIOCLINUX", 0x541c},
    {"TIOCSETD", 0x5423},
    {"CLONE_NEWTIME", 0x80},
    {"CLONE_NEWNS", 0x20000},
    {"CLONE_NEWCGROUP", 0x2000000},
    {"CLONE_NEWUTS", 0x4000000},
    {"CLONE_NEWIPC", 0x8000000},
    {"CLONE_NEWUSER", 0x10000000},
    {"CLONE_NEWPID", 0x20000000},
    {"CLONE_NEWNET", 0x40000000},
    {"PR_SET_DUMPABLE", 4},
    {"PR_SET_NO_NEW_PRIVS", 38},
    {"PR_SET_PTRACER", 0x59616d61},
    {"ADDR_NO_RANDOMIZE", 0x40000},
};

Result<std::uint64_t> read_argument(std::string_view call, std::string_view text) {
    const auto* const constant = std::ranges::find(kConstants, text, [](const Constant& row) { return row.name; });
    if (constant != std::end(kConstants)) {
        return constant->value;
    }
    const bool hexadecimal = text.starts_with("0x");
    const std::string_view digits = text.substr(hexadecimal ? 2 : 0);
    std::uint64_t number = 0;
    const auto [end, bad] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number, hexadecimal ? 16 : 10);
    if (bad != std::errc{} || end != digits.data() + digits.size()) {
        return fail(ExitCode::kUsage, fmt::format("\"{}\": \"{}\" is neither a number nor a known constant such as "
                                                  "AF_INET6, TIOCSTI or CLONE_NEWUSER",
                                                  call, text));
    }
    return number;
}

Result<Rule> rule_of(std::string_view item, Action action) {
    if (item.starts_with('@')) {
        const Group* group = find_group(item.substr(1));
        if (group == nullptr) {
            return fail(ExitCode::kUsage,
                        fmt::format("\"{}\" is no group; \"stepdown profile list\" names them", item));
        }
        return Rule{calls_of(*group), action, {}};
    }
    const Result<CallWords> call = read_call(item);
    if (!call) {
        return std::unexpected(call.error());
    }
    Rule rule{{call->name}, action, {}};
    for (unsigned index = 0; index < call->arguments.size(); ++index) {
        if (call->arguments[index]) {
            rule.conditions.push_back({index, Compare::kEqual, *call->arguments[index]});
        }
    }
    const bool family = call->name == "socket" || call->name == "socketpair";
    if (family && !rule.conditions.empty() && action != SECCOMP_RET_ALLOW) {
        rule.action = SECCOMP_RET_ERRNO | EAFNOSUPPORT;
    }
    return rule;
}

// In front of all others, which say nothing any more where it has no conditions.
void put_first(Profile& profile, Rule rule) {
    if (rule.conditions.empty()) {
        for (Rule& other : profile.rules) {
            std::erase_if(other.names,
                          [&rule](const std::string& name) { return std::ranges::contains(rule.names, name); });
        }
        std::erase_if(profile.rules, [](const Rule& other) { return other.names.empty(); });
    }
    profile.rules.insert(profile.rules.begin(), std::move(rule));
}

} // namespace

Result<CallWords> read_call(std::string_view text) {
    CallWords call;
    std::size_t end = text.find(':');
    call.name = text.substr(0, end);
    if (!is_known(call.name)) {
        return fail(ExitCode::kUsage, fmt::format("\"{}\": no kernel has a system call \"{}\"", text, call.name));
    }
    while (end != text.npos) {
        const std::size_t start = end + 1;
        end = text.find(':', start);
        const std::string_view word = text.substr(start, end == text.npos ? end : end - start);
        if (call.arguments.size() == 6) {
            return fail(ExitCode::kUsage, fmt::format("\"{}\": a call has at most six arguments", text));
        }
        if (word.empty()) {
            call.arguments.emplace_back();
            continue;
        }
        const Result<std::uint64_t> argument = read_argument(text, word);
        if (!argument) {
            return std::unexpected(argument.error());
        }
        const auto index = static_cast<unsigned>(call.arguments.size());
        if (const std::uint64_t mask = argument_mask(call.name, index); !argument_fits(*argument, mask)) {
            return fail(ExitCode::kUsage,
                        fmt::format("\"{}\": {} is wider than what the kernel reads of {}'s argument {}, "
                                    "{} bits",
                                    text, word, call.name, index, std::popcount(mask)));
        }
        call.arguments.emplace_back(*argument);
    }
    return call;
}

Result<Profile> adjust(Profile profile, std::span<const std::string> allow, std::span<const std::string> deny) {
    const auto apply = [&profile](std::span<const std::string> items, std::string_view option,
                                  Action action) -> Result<> {
        for (const std::string& item : items) {
            Result<Rule> rule = rule_of(item, action);
            if (!rule) {
                return fail(rule.error().code, fmt::format("--{}: {}", option, rule.error().line));
            }
            rule->place = fmt::format("--{}={}", option, item);
            put_first(profile, std::move(*rule));
        }
        return {};
    };
    Result<> done = apply(allow, "seccomp-allow", SECCOMP_RET_ALLOW);
    done = done ? apply(deny, "seccomp-deny", SECCOMP_RET_ERRNO | EPERM) : done;
    return done ? Result<Profile>(std::move(profile)) : std::unexpected(done.error());
}

} // namespace stepdown::confine
