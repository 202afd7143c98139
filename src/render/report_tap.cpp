#include <algorithm>

#include <fmt/format.h>

#include "render/report_formats.hpp"
#include "render/words.hpp"

namespace stepdown::render {
namespace {

// '#' would begin a directive.
std::string description(std::string_view text) {
    std::string safe = printable(text);
    std::ranges::replace(safe, '#', '_');
    return safe;
}

// A YAML scalar between single quotes.
std::string scalar(std::string_view text) {
    std::string safe = "'";
    for (const char c : printable(text)) {
        safe += c;
        if (c == '\'') {
            safe += c;
        }
    }
    return safe + '\'';
}

} // namespace

std::string report_tap(const Report& report) {
    const std::vector<Place> all = places(report);
    std::string text = fmt::format("TAP version 13\n1..{}\n", all.size());
    const auto out = std::back_inserter(text);
    for (std::size_t number = 1; number <= all.size(); ++number) {
        const Place& place = all[number - 1];
        const Finding& finding = place.finding;
        const bool matters = counts(finding, place.report.least);
        const bool bad = matters && finding.verdict != Verdict::kPass;
        fmt::format_to(out, "{} {} - {}: {}", bad ? "not ok" : "ok", number, description(name_of(place)),
                       description(finding.check));
        if (!matters && finding.verdict != Verdict::kPass) {
            fmt::format_to(out, " # SKIP {}: {}", verdict_word(finding.verdict), description(sentence_of(finding)));
        }
        text += '\n';
        if (bad) {
            fmt::format_to(
                out, "  ---\n  verdict: {}\n  severity: {}\n  expected: {}\n  observed: {}\n  remedy: {}\n  ...\n",
                verdict_word(finding.verdict), severity_word(finding.severity), scalar(finding.expected),
                scalar(finding.observed), scalar(finding.remedy));
        }
    }
    return text;
}

} // namespace stepdown::render
