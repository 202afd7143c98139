#include "render/json_text.hpp"
#include "render/report_formats.hpp"
#include "render/words.hpp"

namespace stepdown::render {
namespace {

std::string line_of(const Place& place) {
    JsonText json(JsonText::Layout::kOneLine);
    json.begin('{').field("kind", "finding");
    if (!place.report.id.empty()) {
        json.field("id", place.report.id).field("pod", place.report.pod);
    }
    if (place.subject != nullptr) {
        const Thread& thread = place.subject->thread;
        json.field("pid", thread.pid).field("tid", thread.tid).field("name", thread.name);
        json.field("role", role_word(place.subject->role));
    }
    const Finding& finding = place.finding;
    json.field("check", finding.check).field("verdict", verdict_word(finding.verdict));
    json.field("severity", severity_word(finding.severity));
    json.key("counts").boolean(counts(finding, place.report.least));
    json.field("expected", finding.expected).field("observed", finding.observed).field("remedy", finding.remedy);
    return json.field("waiver", finding.waiver).field("file", finding.file).end().take();
}

} // namespace

std::string report_ndjson(const Report& report) {
    std::string text;
    for (const Place& place : places(report)) {
        text += line_of(place);
    }
    JsonText json(JsonText::Layout::kOneLine);
    json.begin('{').field("kind", "verdict").field("verdict", verdict_word(overall(report)));
    return text + json.field("containers", report.node ? report.members.size() : 1).end().take();
}

} // namespace stepdown::render
