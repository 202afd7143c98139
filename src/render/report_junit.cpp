#include <fmt/format.h>

#include "render/report_formats.hpp"
#include "render/words.hpp"

namespace stepdown::render {
namespace {

// XML 1.0 has no way to write most control characters, so names are made printable first.
std::string attribute(std::string_view text) {
    std::string safe = "\"";
    for (const char c : printable(text)) {
        switch (c) {
        case '&':
            safe += "&amp;";
            break;
        case '<':
            safe += "&lt;";
            break;
        case '>':
            safe += "&gt;";
            break;
        case '"':
            safe += "&quot;";
            break;
        default:
            safe += c;
        }
    }
    return safe + '"';
}

void append_case(std::string& text, const Place& place) {
    const Finding& finding = place.finding;
    text += fmt::format("    <testcase classname={} name={}", attribute(name_of(place)), attribute(finding.check));
    if (finding.verdict == Verdict::kPass) {
        text += "/>\n";
        return;
    }
    const std::string said =
        finding.remedy.empty() ? sentence_of(finding) : sentence_of(finding) + ": " + finding.remedy;
    if (!counts(finding, place.report.least)) {
        text += fmt::format("><skipped message={}/></testcase>\n",
                            attribute(fmt::format("{}: {}", verdict_word(finding.verdict), said)));
        return;
    }
    const std::string_view element = finding.verdict == Verdict::kFail ? "failure" : "error";
    text += fmt::format("><{} type={} message={}/></testcase>\n", element, attribute(severity_word(finding.severity)),
                        attribute(said));
}

} // namespace

std::string report_junit(const Report& report) {
    const Tally all = tally(report);
    const std::string numbers =
        fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\"",
                    all.pass + all.fail + all.unknown + all.told + all.skipped, all.fail, all.unknown);
    std::string text = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {0}>\n"
                                   "  <testsuite name=\"stepdown\" {0} skipped=\"{1}\">\n",
                                   numbers, all.told + all.skipped);
    for (const Place& place : places(report)) {
        append_case(text, place);
    }
    return text + "  </testsuite>\n</testsuites>\n";
}

} // namespace stepdown::render
