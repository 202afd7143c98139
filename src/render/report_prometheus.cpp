#include <algorithm>
#include <map>
#include <span>
#include <vector>

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

// The reports that have the same labels: a runtime may name two containers alike, and a series is there once.
struct Series {
    std::string labels;
    std::vector<const Report*> reports;
};

std::vector<Series> series_of(std::span<const Report> reports) {
    std::vector<Series> all;
    for (const Report& report : reports) {
        std::string labels = labels_of(report);
        auto known = std::ranges::find(all, labels, &Series::labels);
        if (known == all.end()) {
            known = all.insert(known, {.labels = std::move(labels), .reports = {}});
        }
        known->reports.push_back(&report);
    }
    return all;
}

bool all_pass(const Series& series) {
    return std::ranges::all_of(series.reports, [](const Report* report) { return overall(*report) == Verdict::kPass; });
}

void append_findings(std::string& text, const Series& series) {
    std::map<std::string, std::size_t> numbers;
    for (const Report* const report : series.reports) {
        for (const Place& place : places(*report)) {
            const Finding& finding = place.finding;
            if (finding.verdict == Verdict::kFail || finding.verdict == Verdict::kUnknown) {
                ++numbers[fmt::format("check=\"{}\",severity=\"{}\",verdict=\"{}\"", label_value(finding.check),
                                      severity_word(finding.severity), verdict_word(finding.verdict))];
            }
        }
    }
    for (const auto& [labels, number] : numbers) {
        text += fmt::format("stepdown_findings{{{},{}}} {}\n", series.labels, labels, number);
    }
}

void append_processes(std::string& text, const Series& series) {
    for (const Role role : {Role::kInit, Role::kApp, Role::kForeign}) {
        std::size_t number = 0;
        for (const Report* const report : series.reports) {
            number += processes_of(*report, role);
        }
        text += fmt::format("stepdown_processes{{{},role=\"{}\"}} {}\n", series.labels, role_word(role), number);
    }
}

} // namespace

std::string report_prometheus(const Report& report) {
    const std::vector<Series> containers =
        series_of(report.node ? std::span<const Report>(report.members) : std::span(&report, 1));
    std::string text;
    append_head(text, "stepdown_pass", "1 when everything that counts holds, 0 when it does not or cannot be read");
    for (const Series& one : containers) {
        text += fmt::format("stepdown_pass{{{}}} {}\n", one.labels, all_pass(one) ? 1 : 0);
    }
    append_head(text, "stepdown_findings", "checks that failed or could not be made");
    for (const Series& one : containers) {
        append_findings(text, one);
    }
    append_head(text, "stepdown_processes", "processes seen, by what they are");
    for (const Series& one : containers) {
        append_processes(text, one);
    }
    if (report.node) {
        append_head(text, "stepdown_unreadable_processes", "processes of which it could not be told whose they are");
        text += fmt::format("stepdown_unreadable_processes {}\n", report.unreadable);
    }
    return text;
}

} // namespace stepdown::render
