#include <map>
#include <span>

#include <fmt/format.h>

#include "render/report_formats.hpp"
#include "render/words.hpp"

namespace stepdown::render {
namespace {

std::string label_value(std::string_view text) {
    std::string safe;
    for (const char c : printable(text)) {
        if (c == '"' || c == '\\') {
            safe += '\\';
        }
        safe += c;
    }
    return safe;
}

std::string labels_of(const Report& report) {
    return fmt::format("container=\"{}\",pod=\"{}\"", label_value(report.id), label_value(report.pod));
}

void append_head(std::string& text, std::string_view name, std::string_view help) {
    text += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
}

std::size_t processes_of(const Report& report, Role role) {
    return static_cast<std::size_t>(std::ranges::count_if(report.subjects, [role](const Subject& subject) {
        return subject.role == role && subject.thread.pid == subject.thread.tid;
    }));
}

void append_findings(std::string& text, const Report& report) {
    std::map<std::string, std::size_t> numbers;
    for (const Place& place : places(report)) {
        const Finding& finding = place.finding;
        if (finding.verdict == Verdict::kFail || finding.verdict == Verdict::kUnknown) {
            ++numbers[fmt::format("check=\"{}\",severity=\"{}\",verdict=\"{}\"", label_value(finding.check),
                                  severity_word(finding.severity), verdict_word(finding.verdict))];
        }
    }
    for (const auto& [labels, number] : numbers) {
        text += fmt::format("stepdown_findings{{{},{}}} {}\n", labels_of(report), labels, number);
    }
}

} // namespace

std::string report_prometheus(const Report& report) {
    const std::span<const Report> containers =
        report.node ? std::span<const Report>(report.members) : std::span(&report, 1);
    std::string text;
    append_head(text, "stepdown_pass", "1 when everything that counts holds, 0 when it does not or cannot be read");
    for (const Report& one : containers) {
        text += fmt::format("stepdown_pass{{{}}} {}\n", labels_of(one), overall(one) == Verdict::kPass ? 1 : 0);
    }
    append_head(text, "stepdown_findings", "checks that failed or could not be made");
    for (const Report& one : containers) {
        append_findings(text, one);
    }
    append_head(text, "stepdown_processes", "processes seen, by what they are");
    for (const Report& one : containers) {
        for (const Role role : {Role::kInit, Role::kApp, Role::kForeign}) {
            text += fmt::format("stepdown_processes{{{},role=\"{}\"}} {}\n", labels_of(one), role_word(role),
                                processes_of(one, role));
        }
    }
    if (report.node) {
        append_head(text, "stepdown_unreadable_processes", "processes of which it could not be told whose they are");
        text += fmt::format("stepdown_unreadable_processes {}\n", report.unreadable);
    }
    return text;
}

} // namespace stepdown::render
