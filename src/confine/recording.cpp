#include "confine/recording.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "confine/compile.hpp"
#include "confine/json.hpp"
#include "confine/read.hpp"
#include "confine/syscalls.hpp"
#include "stepdown/sort.hpp"

namespace stepdown::confine {
namespace {

// Arguments that say what a call is about, and the bits that do; 0: all that the kernel looks at.
struct Telling {
    std::string_view name;
    unsigned index;
    std::uint64_t mask = 0;
};

constexpr std::uint64_t kWriteOrExecute = 6; // PROT_WRITE | PROT_EXEC
constexpr std::uint64_t kShmExecute = 0100000;
constexpr std::uint64_t kNetlink = 16;

constexpr Telling kTelling[] = {
    {"socket", 0},
    {"socketpair", 0},
    {"ioctl", 1},
    {"clone", 0},
    {"unshare", 0},
    {"prctl", 0},
    {"arch_prctl", 0},
    {"personality", 0},
    {"seccomp", 0},
    {"bpf", 0},
    {"keyctl", 0},
    {"ptrace", 0},
    {"mmap", 2, kWriteOrExecute},
    {"mprotect", 2, kWriteOrExecute},
    {"pkey_mprotect", 2, kWriteOrExecute},
    {"shmat", 2, kShmExecute},
    {"socket", 2}, // of netlink sockets alone
};

// prctl(PR_GET_SECCOMP): the child asks it of itself before it says that it is confined.
constexpr std::uint64_t kGetSeccomp = 21;

// The launch reads, writes, blocks signals and executes; reading back without a child is a pread64. A program must be
// able to end, to come back from a signal's handler, and to go on with a call that was stopped: the last is a call that
// the kernel makes for it, and no recording may happen to see.
constexpr std::string_view kAlways[] = {"execve",       "exit",           "exit_group",   "pread64",         "read",
                                        "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "write"};

// PID 1 has the app's uid: with RLIMIT_CPU on it, prlimit(2), the kernel would end it.
constexpr Condition kNotPid1{0, Compare::kNotEqual, 1, 0};

std::uint64_t mask_of(const Telling& row) { return row.mask == 0 ? argument_mask(row.name, row.index) : row.mask; }

bool is_noted(const Telling& row, std::string_view name, const decltype(seccomp_data::args)& args) {
    return row.name == name && (row.index != 2 || name != "socket" || (args[0] & 0xffffffff) == kNetlink);
}

Condition condition_of(std::string_view name, unsigned index, std::uint64_t value) {
    const auto* const row = std::ranges::find_if(
        kTelling, [&](const Telling& telling) { return telling.name == name && telling.index == index; });
    return row->mask == 0 ? Condition{index, Compare::kEqual, value, 0}
                          : Condition{index, Compare::kMaskedEqual, row->mask, value};
}

std::optional<Architecture> architecture_of(std::uint32_t audit, std::int32_t number) {
    for (const ArchitectureFacts& facts : architectures()) {
        const bool x32 = (static_cast<std::uint32_t>(number) & kX32Bit) != 0;
        if (facts.audit == audit && (facts.architecture == Architecture::kX32) == x32) {
            return facts.architecture;
        }
    }
    return std::nullopt;
}

// ---- as text

std::string_view when(unsigned phases) {
    return (phases & kSteady) != 0    ? "steady state"
           : (phases & kStartup) != 0 ? "start-up only"
                                      : "launch: stepdown's own, and what no program can be without";
}

std::string text_of(const Condition& condition) {
    return condition.compare != Compare::kMaskedEqual
               ? fmt::format(R"({{"index": {}, "value": {}, "op": "SCMP_CMP_{}"}})", condition.index, condition.value,
                             condition.compare == Compare::kEqual ? "EQ" : "NE")
               : fmt::format(R"({{"index": {}, "value": {}, "valueTwo": {}, "op": "SCMP_CMP_MASKED_EQ"}})",
                             condition.index, condition.value, condition.value_two);
}

// One rule; names share it that share all the rest.
std::string rule_text(const Recorded& like, const std::vector<std::string>& names) {
    std::string text = fmt::format("        {{\n            \"comment\": \"{}\",\n            \"names\": [\"{}\"],\n",
                                   when(like.phases), fmt::join(names, "\", \""));
    text += like.error == 0
                ? "            \"action\": \"SCMP_ACT_ALLOW\""
                : fmt::format("            \"action\": \"SCMP_ACT_ERRNO\",\n            \"errnoRet\": {}", like.error);
    if (!like.conditions.empty()) {
        text += ",\n            \"args\": [";
        for (const Condition& condition : like.conditions) {
            text += (&condition == like.conditions.data() ? "" : ", ") + text_of(condition);
        }
        text += "]";
    }
    return text + "\n        }";
}

// ---- merging

Recorded* find(std::vector<Recorded>& calls, const Recorded& wanted) {
    const auto found = std::ranges::find_if(calls, [&wanted](const Recorded& call) {
        return call.name == wanted.name && call.conditions == wanted.conditions && call.error == wanted.error;
    });
    return found == calls.end() ? nullptr : &*found;
}

void add(std::vector<Recorded>& calls, const Recorded& call) {
    if (Recorded* known = find(calls, call)) {
        known->phases |= call.phases;
    } else {
        calls.push_back(call);
    }
}

// Steady first, then what only the start needed; by name.
int order_of(const Recorded& call) { return (call.phases & kSteady) != 0 ? 0 : (call.phases & kStartup) != 0 ? 1 : 2; }

auto key_of(const Recorded& call) {
    return std::tuple(call.error != 0, order_of(call), !call.conditions.empty(), std::string_view(call.name),
                      call.conditions.empty() ? 0 : call.conditions.front().value + call.conditions.front().value_two,
                      call.error);
}

std::vector<Recorded> sorted(const Records& records) {
    std::vector<Recorded> calls;
    for (const Recorded& call : records.calls) {
        add(calls, call);
    }
    for (const std::string_view name : kAlways) {
        add(calls, {.name = std::string(name), .conditions = {}, .error = 0, .phases = kLaunch});
    }
    add(calls, {.name = "prctl", .conditions = {condition_of("prctl", 0, kGetSeccomp)}, .error = 0, .phases = kLaunch});
    // Let through and refused, with what is noted the same: a rule cannot tell them apart, and the app must run.
    std::erase_if(calls, [&calls](const Recorded& call) {
        Recorded allowed = call;
        allowed.error = 0;
        return call.error != 0 && find(calls, allowed) != nullptr;
    });
    std::erase_if(calls, [](const Recorded& call) { return call.error == ENOSYS && call.conditions.empty(); });
    sort_few(calls, key_of);
    return calls;
}

// ---- what is too long for one filter

bool is_loadable(const Records& records) {
    return read_profile(profile_text(records), this_machine()).and_then(compile).has_value();
}

std::string most_arguments(const std::vector<Recorded>& calls) {
    std::map<std::string, std::size_t> counts;
    for (const Recorded& call : calls) {
        counts[call.name] += call.conditions.empty() ? 0 : 1;
    }
    const auto most = std::ranges::max_element(counts, {}, [](const auto& count) { return count.second; });
    return most == counts.end() || most->second == 0 ? "" : most->first;
}

void widen(std::vector<Recorded>& calls, const std::string& name) {
    Recorded all{.name = name, .conditions = {}, .error = 0, .phases = 0};
    for (const Recorded& call : calls) {
        all.phases |= call.name == name ? call.phases : 0;
    }
    std::erase_if(calls, [&name](const Recorded& call) { return call.name == name; });
    calls.push_back(std::move(all));
}

Phase phase_of(std::string_view comment) {
    return comment.starts_with("steady") ? kSteady : comment.starts_with("start-up") ? kStartup : kLaunch;
}

} // namespace

Recording::Recording() {
    for (const ArchitectureFacts& facts : architectures()) {
        if (facts.kernel == native_architecture()) {
            for (const auto& [number, name] : calls_of(facts.architecture)) {
                names_.emplace(Key{facts.audit, static_cast<std::int32_t>(number)}, name);
            }
        }
    }
    seen_.reserve(kMost);
}

void Recording::note(const seccomp_data& call, int error, Phase phase) noexcept {
    const auto name = names_.find({call.arch, call.nr});
    if (name == names_.end()) {
        return; // no call of this kernel's: ENOSYS, then as now
    }
    Seen seen{.audit = call.arch, .number = call.nr, .error = error, .args = {}, .noted = 0, .phases = phase};
    const auto architecture = architecture_of(call.arch, call.nr);
    const bool hidden = architecture && hides_arguments(name->second, *architecture);
    for (const Telling& row : kTelling) {
        if (!hidden && is_noted(row, name->second, call.args)) {
            seen.args[row.index] = call.args[row.index] & mask_of(row);
            seen.noted |= 1U << row.index;
        }
    }
    const auto same = [&seen](const Seen& row) {
        return row.number == seen.number && row.audit == seen.audit && row.error == seen.error && row.args == seen.args;
    };
    if (const auto row = std::ranges::find_if(seen_, same); row != seen_.end()) {
        row->phases |= phase;
    } else if (seen_.size() < kMost) {
        seen_.push_back(seen);
    } else {
        ++lost_;
    }
}

Records Recording::records() const {
    Records records;
    for (const Seen& seen : seen_) {
        Recorded call{
            .name = names_.at({seen.audit, seen.number}), .conditions = {}, .error = seen.error, .phases = seen.phases};
        for (unsigned index = 0; index < seen.args.size(); ++index) {
            if ((seen.noted >> index & 1) != 0) {
                call.conditions.push_back(condition_of(call.name, index, seen.args[index]));
            }
        }
        if (call.name == "prlimit64" && call.error == 0) {
            call.conditions.push_back(kNotPid1);
        }
        const auto architecture = architecture_of(seen.audit, seen.number);
        if (architecture && !std::ranges::contains(records.architectures, *architecture)) {
            records.architectures.push_back(*architecture);
        }
        add(records.calls, call);
    }
    for (const Recorded& call : records.calls) {
        Recorded allowed = call;
        allowed.error = 0;
        if (call.error != 0 && find(records.calls, allowed) != nullptr) {
            records.doubtful.push_back(call.name);
        }
    }
    return records;
}

std::string profile_text(const Records& records) {
    const std::vector<Recorded> calls = sorted(records);
    std::string architectures;
    for (const Architecture architecture : records.architectures) {
        architectures += fmt::format("{}\"{}\"", architectures.empty() ? "" : ", ", facts_of(architecture).oci_name);
    }
    std::string text =
        fmt::format("{{\n    \"comment\": \"Recorded by stepdown {}: what was seen, and of the launch what "
                    "every start needs. All else gets ENOSYS.\",\n"
                    "    \"defaultAction\": \"SCMP_ACT_ERRNO\",\n    \"defaultErrnoRet\": {},\n"
                    "    \"architectures\": [{}],\n    \"syscalls\": [\n",
                    STEPDOWN_VERSION, ENOSYS, architectures);
    for (auto first = calls.begin(); first != calls.end();) {
        const auto differs = [first](const Recorded& call) {
            return call.error != first->error || order_of(call) != order_of(*first) || !call.conditions.empty() ||
                   !first->conditions.empty();
        };
        const auto last = std::find_if(first + 1, calls.end(), differs);
        std::vector<std::string> names;
        std::transform(first, last, std::back_inserter(names), [](const Recorded& call) { return call.name; });
        text.append(rule_text(*first, names)).append(last == calls.end() ? "\n" : ",\n");
        first = last;
    }
    return text + "    ]\n}\n";
}

std::vector<std::string> fit(Records& records) {
    std::vector<std::string> widened;
    while (!is_loadable(records)) {
        const std::string name = most_arguments(records.calls);
        if (name.empty()) {
            break;
        }
        widen(records.calls, name);
        widened.push_back(name);
    }
    return widened;
}

std::string widened_line(std::string_view name) {
    return fmt::format("record: {} was seen with more different arguments than one filter has room for: it is allowed "
                       "with all",
                       name);
}

Result<Records> read_records(std::string_view text) {
    const Result<Profile> profile = read_profile(text, this_machine());
    if (!profile) {
        return std::unexpected(profile.error());
    }
    if (profile->default_action != (SECCOMP_RET_ERRNO | ENOSYS)) {
        return fail(ExitCode::kUsage, "is no recording: its defaultAction is not ENOSYS");
    }
    Document document(text);
    const std::vector<std::string> machines = Node(document)["architectures"].texts();
    const std::string_view native = facts_of(native_architecture()).oci_name;
    if (!machines.empty() && !std::ranges::contains(machines, native)) {
        return fail(ExitCode::kUsage,
                    fmt::format("was recorded on another machine: {}, this is {}", fmt::join(machines, ", "), native));
    }
    const std::vector<Node> entries = Node(document)["syscalls"].items();
    Records records{.calls = {}, .architectures = profile->architectures, .doubtful = {}};
    for (const Rule& rule : profile->rules) {
        const Action kind = rule.action & SECCOMP_RET_ACTION_FULL;
        if (kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_ERRNO) {
            return fail(ExitCode::kUsage, rule.place + ": is no recording's: it neither allows nor refuses");
        }
        const auto entry = std::ranges::find(entries, rule.place, &Node::path);
        const Node comment = entry == entries.end() ? Node(document)["comment"] : (*entry)["comment"];
        for (const std::string& name : rule.names) {
            records.calls.push_back(
                {.name = name,
                 .conditions = rule.conditions,
                 .error = kind == SECCOMP_RET_ALLOW ? 0 : static_cast<int>(rule.action & SECCOMP_RET_DATA),
                 .phases = phase_of(comment.present() ? comment.text() : "")});
        }
    }
    return records;
}

} // namespace stepdown::confine
