#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <linux/seccomp.h>

#include "commands/commands.hpp"
#include "commands/log.hpp"
#include "commands/output.hpp"
#include "commands/output_file.hpp"
#include "commands/profile_diff.hpp"
#include "confine/adjust.hpp"
#include "confine/answers.hpp"
#include "confine/decide.hpp"
#include "confine/digest.hpp"
#include "confine/evaluate.hpp"
#include "confine/groups.hpp"
#include "confine/lint.hpp"
#include "confine/load.hpp"
#include "confine/syscalls.hpp"
#include "plan/capability_names.hpp"

namespace stepdown::commands {
namespace {

using confine::Action;
using confine::Source;

constexpr int kFound = 1;                   // lint, diff
constexpr const char* kBuiltIn = "default"; // where no profile is named

std::uint32_t audit_of(const Source& source) { return confine::facts_of(source.compiled.native).audit; }

std::string text_of(const std::set<Action>& answers) {
    std::string text;
    for (const Action action : answers) {
        text.append(text.empty() ? "" : " or ").append(confine::action_text(action));
    }
    return text.empty() ? "an invalid program" : text;
}

std::string text_of(const confine::Condition& condition) {
    constexpr std::string_view kSigns[] = {"!=", "<", "<=", "==", ">=", ">", "&"};
    const std::string_view sign = kSigns[static_cast<std::size_t>(condition.compare)];
    const std::string test = fmt::format("argument {} {} {:#x}", condition.index, sign, condition.value);
    return condition.compare == confine::Compare::kMaskedEqual ? fmt::format("({}) == {:#x}", test, condition.value_two)
                                                               : test;
}

std::string text_of(const confine::Rule& rule) {
    std::string when;
    for (const confine::Condition& condition : rule.conditions) {
        when.append(when.empty() ? " when " : " and ").append(text_of(condition));
    }
    return fmt::format("{}: {}{}", rule.place, confine::action_text(rule.action), when);
}

// ---- list, show

Result<int> list(sys::Kernel&, const cli::Parsed&, std::span<const std::string>) {
    std::string out = "profiles:\n"
                      "  default  what an app without privileges needs; made for every kind of program\n"
                      "  strict   for a service that only serves: no memory both written and executed, fixed ids\n"
                      "  pid1     PID 1's own, once the app runs\n"
                      "\ngroups, for --seccomp-allow and --seccomp-deny:\n";
    for (const confine::Group& group : confine::groups()) {
        out += fmt::format("  @{:<17} {}\n", group.name, group.purpose);
    }
    return print(out);
}

std::string wrapped(const std::vector<std::string>& names) {
    constexpr std::size_t kColumns = 96;
    std::string out;
    std::size_t column = kColumns;
    for (const std::string& name : names) {
        const bool breaks = column + name.size() + 1 > kColumns;
        out.append(breaks ? (out.empty() ? "      " : "\n      ") : " ").append(name);
        column = (breaks ? 6 : column + 1) + name.size();
    }
    return out + "\n";
}

std::string head_of(const Source& source) {
    const confine::Compiled& filter = source.compiled;
    const confine::Action outside =
        confine::evaluate(filter.program, {.nr = 0, .arch = 0, .instruction_pointer = 0, .args = {}})
            .value_or(SECCOMP_RET_KILL_THREAD);
    std::string out =
        fmt::format("machine: {}\ninstructions: {}\nsha256: {}\nsource sha256: {}\nanything else: {}\n",
                    confine::facts_of(filter.native).oci_name, filter.program.size(), confine::sha256(filter.program),
                    filter.source_sha256,
                    source.profile ? confine::action_text(source.profile->default_action)
                                   : text_of(confine::answers_to(filter.program, audit_of(source), 0x3fffffff)));
    return out + fmt::format("other machines: {}\n", confine::action_text(outside));
}

// The profile that was named, with what the options say of how it is read and changed.
Result<Source> source_of(sys::Kernel& kernel, const cli::Parsed& parsed, const std::string& name,
                         std::vector<std::string>& warnings) {
    if (name == "off") {
        return fail(ExitCode::kUsage,
                    "\"off\" is no filter to look at; \"stepdown profile list\" names those there are");
    }
    Seccomp asked = parsed.plan.seccomp;
    asked.profile = name;
    return confine::read_source(kernel, asked, warnings, plan::capability_names(parsed.plan.kept_capabilities, " "));
}

Result<int> show(sys::Kernel& kernel, const cli::Parsed& parsed, std::span<const std::string> words) {
    std::vector<std::string> warnings;
    const Result<Source> source = source_of(kernel, parsed, words.empty() ? kBuiltIn : words[0], warnings);
    if (!source) {
        return std::unexpected(source.error());
    }
    std::map<std::string_view, std::map<std::string, std::vector<std::string>>> by_group; // group → answer → names
    for (const auto& [number, name] : confine::calls_of(source->compiled.native)) {
        const confine::Group* group = confine::group_of(name);
        const auto answers = confine::answers_to(source->compiled.program, audit_of(*source), number);
        by_group[group == nullptr ? "" : group->name][text_of(answers)].push_back(name);
    }
    std::string out = head_of(*source);
    const auto add = [&out](const auto& answers) {
        for (const auto& [answer, names] : answers) {
            out += fmt::format("    {}:\n{}", answer, wrapped(names));
        }
    };
    for (const confine::Group& group : confine::groups()) {
        if (const auto found = by_group.find(group.name); found != by_group.end()) {
            out += fmt::format("\n  @{}: {}\n", group.name, group.purpose);
            add(found->second);
        }
    }
    out += by_group.contains("") ? "\n  in no group:\n" : "";
    add(by_group[""]);
    return print(out);
}

// ---- lint

Result<int> lint(sys::Kernel& kernel, const cli::Parsed& parsed, std::span<const std::string> words) {
    std::vector<std::string> warnings;
    const Result<Source> source = source_of(kernel, parsed, words[0], warnings);
    if (!source) {
        return std::unexpected(source.error());
    }
    std::string out;
    for (const std::string& warning : warnings) {
        out += fmt::format("passed-over: {}\n", warning);
    }
    const std::vector<confine::Finding> findings =
        confine::lint(source->profile ? &*source->profile : nullptr, source->compiled.program, source->compiled.native);
    for (const confine::Finding& finding : findings) {
        out += fmt::format("{}: {}: {}\n", finding.id, finding.place, finding.line);
    }
    const int status = print(out);
    return status != 0 || out.empty() ? status : kFound;
}

// ---- explain

// One line for each way in which the call can reach this machine's kernel. An architecture that is not the machine's
// own and that the filter kills is left out: the profile does not name it.
std::string explained(const Source& source, const confine::CallWords& call) {
    std::string out;
    for (const confine::ArchitectureFacts& facts : confine::architectures()) {
        if (facts.kernel != source.compiled.native) {
            continue;
        }
        for (const confine::Entry& entry : confine::entries_of(call.name, facts.architecture)) {
            const confine::Arguments through = {entry.subcall};
            const auto answers = confine::answers_to(source.compiled.program, facts.audit, entry.number,
                                                     entry.subcall ? through : call.arguments);
            if (facts.architecture == source.compiled.native || answers != std::set<Action>{SECCOMP_RET_KILL_PROCESS}) {
                out += fmt::format("{} ({} {}{}): {}\n", call.name, facts.oci_name, entry.number,
                                   entry.subcall ? fmt::format(", subcall {}", *entry.subcall) : "", text_of(answers));
            }
        }
    }
    return out;
}

std::string default_text(const confine::Profile& profile, std::string_view name) {
    return std::ranges::contains(profile.also_named, name)
               ? "  named only in rules for other capabilities, kernels or machines: the default\n"
               : "  no rule: the default, or ENOSYS above every call that the profile names\n";
}

std::string reasons(const confine::Profile& profile, const confine::CallWords& call) {
    const std::vector<const confine::Rule*> rules = confine::rules_about(profile, call.name);
    if (rules.empty()) {
        return default_text(profile, call.name);
    }
    std::string out;
    if (const auto decides = confine::deciding_rule(profile, call.name, call.arguments)) {
        out = fmt::format("  decided by {}\n", *decides == nullptr ? "the default" : text_of(**decides));
    }
    out += "  tried in this order, then the default:\n";
    for (const confine::Rule* rule : rules) {
        out += fmt::format("  {}\n", text_of(*rule));
    }
    return out;
}

// A profile in a file that is called as a call is can be named with a slash.
Result<int> explain(sys::Kernel& kernel, const cli::Parsed& parsed, std::span<const std::string> words) {
    const bool names_profile = words.size() > 1 && !confine::read_call(words[0]);
    std::vector<std::string> warnings;
    const Result<Source> source = source_of(kernel, parsed, names_profile ? words[0] : kBuiltIn, warnings);
    if (!source) {
        return std::unexpected(source.error());
    }
    std::string out;
    for (const std::string& word : words.subspan(names_profile ? 1 : 0)) {
        const Result<confine::CallWords> call = confine::read_call(word);
        if (!call) {
            return std::unexpected(call.error());
        }
        const std::string answers = explained(*source, *call);
        out += answers.empty() ? fmt::format("{}: this machine has no such call\n", call->name) : answers;
        if (const confine::Group* group = confine::group_of(call->name)) {
            out += fmt::format("  in @{}: {}\n", group->name, group->purpose);
        }
        out += source->profile ? reasons(*source->profile, *call) : "";
    }
    return print(out);
}

// ---- diff

Result<int> diff(sys::Kernel& kernel, const cli::Parsed& parsed, std::span<const std::string> words) {
    std::vector<Source> sources;
    for (const std::string& word : words) {
        std::vector<std::string> warnings;
        Result<Source> source = source_of(kernel, parsed, word, warnings);
        if (!source) {
            return std::unexpected(source.error());
        }
        sources.push_back(std::move(*source));
    }
    const Source& first = sources[0];
    const Source& second = sources[1];
    if (first.compiled.native != second.compiled.native) {
        return fail(ExitCode::kUsage, "the two are for different machines");
    }
    const std::string out = differences_text(first.compiled, second.compiled);
    const int status = print(out);
    return status != 0 || out.empty() ? status : kFound;
}

// ---- compile

Result<int> compile(sys::Kernel& kernel, const cli::Parsed& parsed, std::span<const std::string> words) {
    if (parsed.report.output.empty()) {
        return fail(ExitCode::kUsage, "profile compile: name the file to write: -o FILE");
    }
    std::vector<std::string> warnings;
    const Result<Source> source = source_of(kernel, parsed, words[0], warnings);
    if (!source) {
        return std::unexpected(source.error());
    }
    if (Result<> starts = confine::check_start(*source); !starts) {
        return fail(starts.error().code, fmt::format("seccomp profile {}: {}", words[0], starts.error().line));
    }
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    for (const std::string& warning : warnings) {
        log.warn(warning);
    }
    const std::string& output = parsed.report.output;
    const auto written = write_output(output, confine::write_compiled(source->compiled));
    return written ? Result<int>(0)
                   : call_failed(ExitCode::kInternal, "cannot write " + output, "write", written.error());
}

struct Row {
    std::string_view word;
    std::size_t least; // words after it
    std::size_t most;
    Result<int> (*run)(sys::Kernel& kernel, const cli::Parsed& parsed, std::span<const std::string> words);
};

constexpr Row kRows[] = {
    {"list", 0, 0, list},        {"show", 0, 1, show}, {"lint", 1, 1, lint},
    {"explain", 1, 64, explain}, {"diff", 2, 2, diff}, {"compile", 1, 1, compile},
};

Result<int> run_row(sys::Kernel& kernel, const cli::Parsed& parsed) {
    const std::span<const std::string> words = parsed.plan.command;
    if (words.empty()) {
        return fail(ExitCode::kUsage, "profile: say what to do: list, show, lint, explain, diff or compile");
    }
    const auto* const row = std::ranges::find(kRows, std::string_view(words.front()), &Row::word);
    if (row == std::end(kRows)) {
        return fail(ExitCode::kUsage,
                    fmt::format("profile: \"{}\" is none of list, show, lint, explain, diff, compile", words.front()));
    }
    if (words.size() - 1 < row->least || words.size() - 1 > row->most) {
        return fail(ExitCode::kUsage, fmt::format("profile {}: {} words after it; see stepdown profile --help",
                                                  row->word, words.size() - 1 < row->least ? "too few" : "too many"));
    }
    return row->run(kernel, parsed, words.subspan(1));
}

} // namespace

// Looks at system call filters, for whoever writes one. Touches nothing but the file that compile writes.
int profile(sys::Kernel& kernel, const cli::Parsed& parsed) {
    const Result<int> done = run_row(kernel, parsed);
    return done ? *done : Log(parsed.plan.log_level, parsed.plan.log_format).failed(done.error());
}

} // namespace stepdown::commands
