#include <algorithm>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "render/capabilities.hpp"
#include "render/report_formats.hpp"
#include "render/words.hpp"

namespace stepdown::render {
namespace {

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

// A verdict that says something; a zombie's says why it has none.
std::string details(const Subject& subject) {
    for (const Finding& finding : subject.findings) {
        if (finding.check == "state" || finding.check == "status") {
            return printable(finding.observed);
        }
    }
    return summary(subject.thread.facts);
}

// Colour says again what the word says. Reset after each word, so that a line cut off colours nothing.
std::string verdict_column(std::string_view word, Verdict verdict, bool colour) {
    std::string column = fmt::format("{:<8}", word);
    if (!colour || verdict == Verdict::kSkipped) {
        return column;
    }
    const int number = verdict == Verdict::kPass ? 32 : verdict == Verdict::kFail ? 31 : 33;
    return fmt::format("\x1b[{}m{}\x1b[0m", number, column);
}

// "fail" and "unknown" are kept for what counts.
std::string_view word_of(const Finding& finding, Severity least) {
    const bool told = finding.verdict == Verdict::kFail || finding.verdict == Verdict::kUnknown;
    return told && !counts(finding, least) ? "info" : verdict_word(finding.verdict);
}

Verdict weight_of(const Finding& finding, Severity least) {
    return counts(finding, least) ? finding.verdict : Verdict::kSkipped;
}

struct Writer {
    const Report& report;
    bool colour;
    std::string text = {};
    std::size_t processes = 0;
    std::size_t foreign = 0;

    template <class... Args> void write(fmt::format_string<Args...> format, Args&&... args) {
        fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
    }

    void remedy(const Finding& finding) {
        if (!finding.remedy.empty()) {
            write("           {}\n", finding.remedy);
        }
    }

    void container() {
        for (const Finding& finding : report.container) {
            write("{} {}: {}{}\n",
                  verdict_column(word_of(finding, report.least), weight_of(finding, report.least), colour),
                  finding.check, printable(finding.observed),
                  finding.waiver.empty() ? "" : " (waived: " + printable(finding.waiver) + ")");
            remedy(finding);
        }
    }

    void finding_line(const Finding& finding) {
        write("         {} {}: expected {}, observed {}{}\n", word_of(finding, report.least), finding.check,
              in_words(finding, finding.expected), in_words(finding, finding.observed),
              finding.waiver.empty() ? "" : " (waived: " + printable(finding.waiver) + ")");
        remedy(finding);
    }

    void subject_line(const Subject& subject, const std::string& rest) {
        const Thread& thread = subject.thread;
        const std::string number =
            thread.pid == thread.tid ? fmt::format("{}", thread.pid) : fmt::format("{}/{}", thread.pid, thread.tid);
        const bool foreign_one = subject.role == Role::kForeign;
        const Verdict worst = worst_of(subject.findings, report.least);
        write("{} {:<7} {:<7} {:<15} {}\n",
              verdict_column(foreign_one ? "-" : verdict_word(worst), foreign_one ? Verdict::kSkipped : worst, colour),
              role_word(subject.role), number, printable(thread.name), rest);
    }

    // The main thread's line stands for the threads that pass; a thread that does not has a line of its own.
    void process(std::span<const Subject> threads) {
        for (const Subject& subject : threads) {
            const bool first = &subject == &threads.front();
            if (!first &&
                (subject.role == Role::kForeign || worst_of(subject.findings, report.least) <= Verdict::kSkipped)) {
                continue;
            }
            const std::string count = first && threads.size() > 1 ? fmt::format(", {} threads", threads.size()) : "";
            subject_line(subject, details(subject) + count);
            for (const Finding& finding : subject.findings) {
                if (finding.verdict == Verdict::kFail || finding.verdict == Verdict::kUnknown ||
                    !finding.waiver.empty()) {
                    finding_line(finding);
                }
            }
        }
    }

    void tree() {
        container();
        std::span<const Subject> rest = report.subjects;
        while (!rest.empty()) {
            const pid_t pid = rest.front().thread.pid;
            const auto end =
                std::ranges::find_if(rest, [pid](const Subject& subject) { return subject.thread.pid != pid; });
            const auto threads = rest.first(static_cast<std::size_t>(end - rest.begin()));
            process(threads);
            ++(threads.front().role == Role::kForeign ? foreign : processes);
            rest = rest.subspan(threads.size());
        }
        const Verdict verdict = overall(report);
        write("verdict: {} ({} processes judged, {} foreign)\n",
              colour ? verdict_column(verdict_word(verdict), verdict, true) : verdict_word(verdict), processes,
              foreign);
    }
};

std::string text_of(const Report& report, bool colour) {
    Writer whole{.report = report, .colour = colour};
    if (!report.node) {
        whole.tree();
        return std::move(whole.text);
    }
    whole.container();
    std::string text = std::move(whole.text);
    std::size_t good = 0;
    for (const Report& member : report.members) {
        text += fmt::format("container {}{}{}\n", printable(member.id), member.pod.empty() ? "" : " of pod ",
                            printable(member.pod));
        Writer writer{.report = member, .colour = colour};
        writer.tree();
        text += writer.text + '\n';
        good += overall(member) == Verdict::kPass ? 1 : 0;
    }
    return text + fmt::format("{} containers, {} pass; verdict: {}\n", report.members.size(), good,
                              verdict_word(overall(report)));
}

} // namespace

std::string report_text(const Report& report) { return text_of(report, false); }

std::string report_colour(const Report& report) { return text_of(report, true); }

} // namespace stepdown::render
