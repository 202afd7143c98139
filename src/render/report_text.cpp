#include <algorithm>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "render/capabilities.hpp"
#include "render/report_formats.hpp"

namespace stepdown::render {
namespace {

// Names come from the app, and a receipt may: nothing of theirs may speak to the terminal.
std::string printable(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c >= ' ' && c <= '~') {
            safe += c;
        } else {
            safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return safe;
}

// "00000000a80425fb (cap_chown ...)" for the five sets, others as they are.
std::string in_words(const Finding& finding, const std::string& value) {
    std::uint64_t mask = 0;
    const char* const end = value.data() + value.size();
    const bool is_mask = finding.check.starts_with("capabilities.") &&
                         std::from_chars(value.data(), end, mask, 16).ptr == end && !value.empty();
    return is_mask ? fmt::format("{} ({})", value, capability_names(mask)) : printable(value);
}

std::string ids_text(std::string_view key, const std::optional<FourIds>& ids) {
    if (!ids) {
        return fmt::format("{} ?", key);
    }
    const bool same = *ids == all_four((*ids)[0]);
    return same ? fmt::format("{} {}", key, (*ids)[0]) : fmt::format("{} {}", key, fmt::join(*ids, "/"));
}

std::string capabilities_text(const std::optional<CapabilitySets>& sets) {
    if (!sets) {
        return "capabilities ?";
    }
    const std::uint64_t held = sets->inheritable | sets->permitted | sets->effective | sets->ambient;
    std::string text = held == 0 ? "no capabilities" : fmt::format("capabilities {:x}", held);
    return sets->bounding == 0 ? text : text + fmt::format(" (bounding {:x})", sets->bounding);
}

std::string summary(const Facts& facts) {
    std::string text = fmt::format("{}, {}, ", ids_text("uid", facts.uid), ids_text("gid", facts.gid));
    if (!facts.groups) {
        text += "groups ?, ";
    } else if (facts.groups->empty()) {
        text += "no groups, ";
    } else {
        text += fmt::format("groups {}, ", fmt::join(*facts.groups, " "));
    }
    text += capabilities_text(facts.capabilities);
    text += facts.no_new_privs ? fmt::format(", no_new_privs {}", *facts.no_new_privs ? 1 : 0) : ", no_new_privs ?";
    text += facts.seccomp_mode ? fmt::format(", seccomp {}", *facts.seccomp_mode) : ", seccomp ?";
    return facts.seccomp_filters ? text + fmt::format(" ({} filters)", *facts.seccomp_filters) : text;
}

bool calls_for_lines(const Finding& finding) {
    return finding.verdict == Verdict::kFail || finding.verdict == Verdict::kUnknown;
}

void append_finding(std::string& text, const Finding& finding) {
    fmt::format_to(std::back_inserter(text), "         {} {}: expected {}, observed {}\n",
                   verdict_word(finding.verdict), finding.check, in_words(finding, finding.expected),
                   in_words(finding, finding.observed));
    if (!finding.remedy.empty()) {
        fmt::format_to(std::back_inserter(text), "           {}\n", finding.remedy);
    }
}

void append_container(std::string& text, const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
        fmt::format_to(std::back_inserter(text), "{:<8} {}: {}\n", verdict_word(finding.verdict), finding.check,
                       printable(finding.observed));
        if (!finding.remedy.empty()) {
            fmt::format_to(std::back_inserter(text), "           {}\n", finding.remedy);
        }
    }
}

// A verdict that says something; a zombie's says why it has none.
std::string details(const Subject& subject) {
    for (const Finding& finding : subject.findings) {
        if (finding.check == "state" || finding.check == "status") {
            return printable(finding.observed);
        }
    }
    return summary(subject.thread.facts);
}

void append_line(std::string& text, const Subject& subject, const std::string& rest) {
    const bool main = subject.thread.pid == subject.thread.tid;
    const std::string number =
        main ? fmt::format("{}", subject.thread.pid) : fmt::format("{}/{}", subject.thread.pid, subject.thread.tid);
    const bool foreign = subject.role == Role::kForeign;
    fmt::format_to(std::back_inserter(text), "{:<8} {:<7} {:<7} {:<15} {}\n",
                   foreign ? "-" : verdict_word(worst_of(subject.findings)), role_word(subject.role), number,
                   printable(subject.thread.name), rest);
}

// The main thread's line stands for the threads that pass; a thread that does not has a line of its own.
void append_process(std::string& text, std::span<const Subject> threads) {
    for (const Subject& subject : threads) {
        const bool first = &subject == &threads.front();
        if (!first && (subject.role == Role::kForeign || worst_of(subject.findings) <= Verdict::kSkipped)) {
            continue;
        }
        const std::string count = first && threads.size() > 1 ? fmt::format(", {} threads", threads.size()) : "";
        append_line(text, subject, details(subject) + count);
        for (const Finding& finding : subject.findings) {
            if (calls_for_lines(finding)) {
                append_finding(text, finding);
            }
        }
    }
}

} // namespace

std::string report_text(const Report& report) {
    std::string text;
    append_container(text, report.container);
    std::span<const Subject> rest = report.subjects;
    std::size_t processes = 0;
    std::size_t foreign = 0;
    while (!rest.empty()) {
        const pid_t pid = rest.front().thread.pid;
        const auto end =
            std::ranges::find_if(rest, [pid](const Subject& subject) { return subject.thread.pid != pid; });
        const auto threads = rest.first(static_cast<std::size_t>(end - rest.begin()));
        append_process(text, threads);
        ++(threads.front().role == Role::kForeign ? foreign : processes);
        rest = rest.subspan(threads.size());
    }
    text += fmt::format("verdict: {} ({} processes judged, {} foreign)\n", verdict_word(overall(report)), processes,
                        foreign);
    return text;
}

} // namespace stepdown::render
