#include "confine/read.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <cerrno>
#include <fmt/format.h>
#include <linux/seccomp.h>

#include "confine/errno_names.hpp"
#include "confine/groups.hpp"
#include "confine/json.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

constexpr std::uint64_t kLargestErrno = 4095; // MAX_ERRNO: the kernel caps the filter's answer there

struct ActionRow {
    std::string_view name;
    Action action;
    bool takes_errno;
};

// SCMP_ACT_KILL is the old name of KILL_THREAD, seccomp_rule_add(3).
constexpr std::array kActions = {
    ActionRow{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false},
    ActionRow{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true},
    ActionRow{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false},
    ActionRow{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false},
    ActionRow{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false},
    ActionRow{"SCMP_ACT_LOG", SECCOMP_RET_LOG, false},
    ActionRow{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true},
    ActionRow{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false},
};

struct CompareRow {
    std::string_view name;
    Compare compare;
};

constexpr std::array kCompares = {
    CompareRow{"SCMP_CMP_EQ", Compare::kEqual},    CompareRow{"SCMP_CMP_GE", Compare::kGreaterOrEqual},
    CompareRow{"SCMP_CMP_GT", Compare::kGreater},  CompareRow{"SCMP_CMP_LE", Compare::kLessOrEqual},
    CompareRow{"SCMP_CMP_LT", Compare::kLess},     CompareRow{"SCMP_CMP_MASKED_EQ", Compare::kMaskedEqual},
    CompareRow{"SCMP_CMP_NE", Compare::kNotEqual},
};

// A row of a table by its first member; complains with the whole table when there is none.
template <class Table>
const typename Table::value_type* find_row(const Table& table, const Node& node, std::string_view kind) {
    const std::string name = node.text();
    const auto row = std::ranges::find(table, std::string_view(name), &Table::value_type::name);
    if (row != table.end()) {
        return &*row;
    }
    std::string names;
    for (const auto& known : table) {
        names += names.empty() ? "" : ", ";
        names += known.name;
    }
    node.complain(fmt::format("\"{}\" is no {}; one of {}", name, kind, names));
    return nullptr;
}

// containers/common writes an errno by its name, or a number in quotes. An empty text is none, as where it comes from.
std::optional<std::uint64_t> named_errno(const Node& node) {
    if (!node.present() || node.text().empty()) {
        return std::nullopt;
    }
    const std::string name = node.text();
    std::uint64_t number = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (bad == std::errc{} && end == name.data() + name.size()) {
        return number;
    }
    const std::optional<std::uint64_t> known = errno_of(name);
    if (!known) {
        node.complain(fmt::format("\"{}\" is no errno such as \"EPERM\"", name));
    }
    return known.value_or(EPERM);
}

struct ErrnoKeys {
    std::string_view number;
    std::string_view name;
};

// The errno that is written, by whichever key; both must mean the same.
std::optional<std::uint64_t> read_errno(const Node& entry, ErrnoKeys keys) {
    const std::optional<std::uint64_t> named = named_errno(entry[keys.name]);
    const Node value = entry[keys.number];
    if (!value.present()) {
        return named;
    }
    const std::uint64_t number = value.number();
    if (named && *named != number) {
        value.complain(fmt::format("{}, but {} says {}", number, keys.name, *named));
    }
    return number;
}

Action read_action(const Node& entry, std::string_view action_key, ErrnoKeys keys) {
    if (entry[action_key].present() && entry[action_key].text() == "SCMP_ACT_NOTIFY") {
        entry[action_key].complain("SCMP_ACT_NOTIFY needs a listener, and there is none");
        return 0;
    }
    const ActionRow* row = find_row(kActions, entry[action_key], "action");
    if (row == nullptr) {
        return 0;
    }
    const std::optional<std::uint64_t> value = read_errno(entry, keys);
    const Node where = entry[entry[keys.number].present() ? keys.number : keys.name];
    if (!row->takes_errno) {
        if (value) {
            where.object(fmt::format("{} takes no errno", row->name));
        }
        return row->action;
    }
    const std::uint64_t number = value.value_or(EPERM);
    if (number < 1 || number > kLargestErrno) {
        where.complain(fmt::format("{} is no errno; a number from 1 to {}", number, kLargestErrno));
    }
    return row->action | static_cast<Action>(number & SECCOMP_RET_DATA);
}

Condition read_condition(const Node& node, const std::vector<std::string>& names) {
    node.only({"index", "value", "valueTwo", "op"});
    Condition condition;
    const std::uint64_t index = node["index"].number();
    if (index > 5) {
        node["index"].complain(fmt::format("{} is no argument; 0 to 5", index));
        return condition;
    }
    condition.index = static_cast<unsigned>(index);
    condition.value = node["value"].number();
    condition.value_two = node["valueTwo"].present() ? node["valueTwo"].number() : 0;
    if (const CompareRow* row = find_row(kCompares, node["op"], "comparison")) {
        condition.compare = row->compare;
    }
    for (const std::string& name : names) {
        const std::uint64_t mask = argument_mask(name, condition.index);
        if (!argument_fits(condition.value, mask) ||
            (condition.compare == Compare::kMaskedEqual && !argument_fits(condition.value_two, mask))) {
            node.complain(fmt::format("wider than what the kernel reads of {}'s argument {}, {} bits", name, index,
                                      mask == 0xffff ? 16 : 32));
        }
    }
    return condition;
}

KernelVersion read_kernel(const Node& node) {
    const std::string text = node.text();
    std::uint16_t major = 0;
    std::uint16_t minor = 0;
    const char* end = text.data() + text.size();
    const auto [dot, bad_major] = std::from_chars(text.data(), end, major);
    const bool has_minor = bad_major == std::errc{} && dot != end && *dot == '.';
    const auto [rest, bad_minor] = std::from_chars(has_minor ? dot + 1 : end, end, minor);
    if (!has_minor || bad_minor != std::errc{} || rest != end) {
        node.complain(fmt::format("\"{}\" is no kernel version such as \"4.8\"", text));
    }
    return KernelVersion{major} << 16 | minor;
}

struct Filter {
    bool has_capability = false;   // one that is named, the app has
    bool lacks_capability = false; // one that is named, it has not
    bool machine_named = false;
    bool machine_matches = false;
    std::optional<bool> kernel_matches;
};

// Whether the app has it. "CAP_NET_ADMIN", as runtimes write it.
bool read_capability(const Node& node, const Machine& machine, Profile& profile) {
    const std::string written = node.text();
    std::string name = written.starts_with("CAP_") ? written.substr(4) : "";
    std::ranges::transform(name, name.begin(),
                           [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
    if (name.empty()) {
        node.complain(fmt::format("\"{}\" is no capability such as \"CAP_SYS_ADMIN\"", written));
    } else if (!is_capability(name)) {
        node.object(fmt::format("no kernel has a capability \"{}\"", written));
    }
    const bool has = machine.has_capability(name);
    (has ? profile.with_capabilities : profile.without_capabilities).insert(std::move(name));
    return has;
}

Filter read_filter(const Node& node, const Machine& machine, Profile& profile) {
    Filter filter;
    if (!node.present()) {
        return filter;
    }
    node.only({"caps", "arches", "minKernel"});
    for (const Node& item : node["caps"].items()) {
        const bool has = read_capability(item, machine, profile);
        filter.has_capability = filter.has_capability || has;
        filter.lacks_capability = filter.lacks_capability || !has;
    }
    for (const Node& item : node["arches"].items()) {
        const std::string name = item.text();
        if (!is_docker_architecture(name)) {
            item.complain(fmt::format("unknown architecture \"{}\"", name));
        }
        filter.machine_named = true;
        filter.machine_matches = filter.machine_matches || name == facts_of(machine.native).docker_name;
    }
    if (node["minKernel"].present() && !(node["minKernel"].text().empty())) {
        const KernelVersion least = read_kernel(node["minKernel"]);
        filter.kernel_matches = machine.kernel() >= least;
        if (*filter.kernel_matches) {
            profile.kernel_from = std::max(profile.kernel_from, least);
        } else {
            profile.kernel_below = std::min(profile.kernel_below, least);
        }
    }
    return filter;
}

// Docker's order: one hit in excludes drops the entry, then everything in includes must hold. Capabilities are the ones
// after the drop.
bool applies(const Node& entry, const Machine& machine, Profile& profile) {
    const Filter excludes = read_filter(entry["excludes"], machine, profile);
    const Filter includes = read_filter(entry["includes"], machine, profile);
    return !excludes.machine_matches && !excludes.kernel_matches.value_or(false) && !excludes.has_capability &&
           !includes.lacks_capability && (includes.machine_matches || !includes.machine_named) &&
           includes.kernel_matches.value_or(true);
}

// The old key "name" of one call is Docker's. Runtimes that know only the specification read such a rule as one about
// no call at all.
std::vector<Node> read_names(const Node& entry) {
    std::vector<Node> names = entry["names"].items();
    const Node old = entry["name"];
    if (old.present() && !old.text().empty()) {
        if (!names.empty()) {
            old.complain("either this or \"names\", not both");
        }
        old.object(
            fmt::format("the old form; write \"names\": [\"{}\"], or have it read with --seccomp-lenient", old.text()));
        names.push_back(old);
    }
    if (names.empty()) {
        entry["names"].complain("at least one system call is needed");
    }
    return names;
}

void read_rule(const Node& entry, const Machine& machine, Profile& profile) {
    entry.only({"names", "name", "action", "errnoRet", "errno", "args", "includes", "excludes"});
    Rule rule;
    rule.place = entry.path();
    for (const Node& item : read_names(entry)) {
        std::string name = item.text();
        const Group* group = machine.own_source && name.starts_with('@') ? find_group(name.substr(1)) : nullptr;
        if (group != nullptr) {
            std::ranges::move(calls_of(*group), std::back_inserter(rule.names));
        } else if (is_known(name)) {
            rule.names.push_back(std::move(name));
        } else {
            item.object(fmt::format("no kernel has a system call \"{}\"", name));
        }
    }
    rule.action = read_action(entry, "action", {"errnoRet", "errno"});
    for (const Node& item : entry["args"].items()) {
        rule.conditions.push_back(read_condition(item, rule.names));
    }
    if (!applies(entry, machine, profile)) {
        profile.also_named.insert(profile.also_named.end(), rule.names.begin(), rule.names.end());
    } else if (!rule.names.empty()) {
        profile.rules.push_back(std::move(rule));
    }
}

void add_architecture(const Node& node, const Machine& machine, std::vector<Architecture>& list) {
    const std::string name = node.text();
    if (name == "SCMP_ARCH_NATIVE") {
        return; // always in
    }
    const auto row = std::ranges::find(architectures(), std::string_view(name), &ArchitectureFacts::oci_name);
    if (row == architectures().end()) {
        if (!is_foreign_architecture(name)) {
            node.complain(fmt::format("unknown architecture \"{}\"", name));
        }
    } else if (row->kernel == machine.native && !std::ranges::contains(list, row->architecture)) {
        list.push_back(row->architecture);
    }
}

// The machine's own architecture is always in, as with runc and crun: without it no program could run.
std::vector<Architecture> read_architectures(const Node& profile, const Machine& machine) {
    std::vector<Architecture> list = {machine.native};
    if (!profile["architectures"].empty() && !profile["archMap"].empty()) {
        profile["archMap"].complain("either this or \"architectures\", not both");
    }
    for (const Node& item : profile["architectures"].items()) {
        add_architecture(item, machine, list);
    }
    bool found = false;
    for (const Node& item : profile["archMap"].items()) {
        item.only({"architecture", "subArchitectures"});
        std::vector<Architecture> with_subs;
        add_architecture(item["architecture"], machine, with_subs);
        for (const Node& sub : item["subArchitectures"].items()) {
            add_architecture(sub, machine, with_subs);
        }
        if (item["architecture"].text() == facts_of(machine.native).oci_name) {
            if (std::exchange(found, true)) {
                item.complain("this machine has an entry already");
            }
            list = with_subs;
        }
    }
    return list;
}

struct FlagRow {
    std::string_view name;
    unsigned flag;
};

constexpr std::array kFlags = {
    FlagRow{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    FlagRow{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    FlagRow{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
};

unsigned read_flags(const Node& profile) {
    unsigned flags = 0;
    for (const Node& flag : profile["flags"].items()) {
        if (flag.text() == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") {
            flag.complain("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a listener, and there is none");
        } else if (const FlagRow* row = find_row(kFlags, flag, "flag")) {
            flags |= row->flag;
        }
    }
    return flags;
}

void refuse_listener(const Node& profile) {
    for (const std::string_view key : {"listenerPath", "listenerMetadata"}) {
        if (!profile[key].empty() && !(profile[key].text().empty())) {
            profile[key].complain("there is no listener");
        }
    }
}

// A runtime's whole config.json has the profile inside.
Node profile_in(const Node& root) {
    return root["linux"].present() && !root["defaultAction"].present() ? root["linux"]["seccomp"] : root;
}

} // namespace

Result<Profile> read_profile(std::string_view json, const Machine& machine, Ignored* ignored) {
    Document document(json);
    document.be_lenient(ignored);
    const Node root = profile_in(Node(document));
    Profile profile;
    root.only({"defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "flags", "listenerPath",
               "listenerMetadata", "syscalls"});
    profile.flags = read_flags(root);
    refuse_listener(root);
    profile.default_action = read_action(root, "defaultAction", {"defaultErrnoRet", "defaultErrno"});
    profile.architectures = read_architectures(root, machine);
    for (const Node& entry : root["syscalls"].items()) {
        read_rule(entry, machine, profile);
    }
    if (profile.rules.empty()) {
        root["syscalls"].complain("no rule applies: such a profile does nothing, or stops everything");
    }
    if (document.complaint()) {
        return fail(ExitCode::kUsage, *document.complaint());
    }
    return profile;
}

} // namespace stepdown::confine
