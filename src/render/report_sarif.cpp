#include <algorithm>

#include <fmt/format.h>

#include "render/json_text.hpp"
#include "render/report_formats.hpp"
#include "render/words.hpp"

namespace stepdown::render {
namespace {

// SARIF's levels, 3.27.10; and what code scanning sorts by, a CVSS-like number.
std::string_view level_of(Severity severity) {
    return severity >= Severity::kHigh ? "error" : severity >= Severity::kLow ? "warning" : "note";
}

std::string_view score_of(Severity severity) {
    constexpr std::string_view kScores[] = {"0.0", "3.0", "5.5", "8.0", "9.5"};
    return kScores[static_cast<std::size_t>(severity)];
}

// 3.27.9: what the result is, beside the level, which is none for all but fail.
std::string_view kind_of(const Finding& finding) {
    switch (finding.verdict) {
    case Verdict::kPass:
        return "pass";
    case Verdict::kSkipped:
        return "notApplicable";
    case Verdict::kUnknown:
        return "open";
    case Verdict::kFail:
        break;
    }
    return "fail";
}

// A path below the root as a relative URI reference, RFC 3986.
std::string uri_of(std::string_view path) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    std::string uri;
    for (const char c : path) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("/-._~").contains(c);
        uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return uri;
}

std::string artifact_of(const Place& place) {
    if (!place.finding.file.empty()) {
        return uri_of(place.finding.file);
    }
    if (place.subject != nullptr) {
        return fmt::format("proc/{}/task/{}/status", place.subject->thread.pid, place.subject->thread.tid);
    }
    return place.report.receipt.empty() ? "proc/1/status" : uri_of(place.report.receipt);
}

std::vector<const Finding*> rules_of(const std::vector<Place>& all) {
    std::vector<const Finding*> rules;
    for (const Place& place : all) {
        if (std::ranges::find(rules, place.finding.check, &Finding::check) == rules.end()) {
            rules.push_back(&place.finding);
        }
    }
    return rules;
}

void append_rule(JsonText& json, const Finding& rule) {
    json.begin('{').field("id", rule.check);
    json.key("shortDescription").begin('{').field("text", rule.title.empty() ? rule.check : rule.title).end();
    json.key("defaultConfiguration").begin('{').field("level", level_of(rule.severity)).end();
    json.key("properties").begin('{').field("security-severity", score_of(rule.severity)).key("tags").begin('[');
    json.text("security");
    for (std::string_view rest = rule.references; !rest.empty();) {
        const std::string_view reference = rest.substr(0, rest.find(' '));
        json.text(reference);
        rest.remove_prefix(std::min(reference.size() + 1, rest.size()));
    }
    json.end().end().end();
}

void append_result(JsonText& json, const Place& place, std::size_t rule) {
    const Finding& finding = place.finding;
    json.begin('{').field("ruleId", finding.check).field("ruleIndex", rule).field("kind", kind_of(finding));
    json.field("level", finding.verdict == Verdict::kFail ? level_of(finding.severity) : "none");
    std::string message = fmt::format("{}: {}", name_of(place), sentence_of(finding));
    message += finding.remedy.empty() ? "." : fmt::format(". {}.", finding.remedy);
    json.key("message").begin('{').field("text", message).end();
    json.key("locations").begin('[').begin('{').key("physicalLocation").begin('{').key("artifactLocation").begin('{');
    json.field("uri", artifact_of(place)).end().end();
    json.key("logicalLocations").begin('[').begin('{').field("fullyQualifiedName", name_of(place));
    json.field("kind", place.subject == nullptr ? "container" : "process").end().end().end().end();
    if (!finding.waiver.empty()) { // 3.35: somebody answers for it
        json.key("suppressions").begin('[').begin('{').field("kind", "external");
        json.field("justification", finding.waiver).end().end();
    }
    json.end();
}

} // namespace

std::string report_sarif(const Report& report) {
    const std::vector<Place> all = places(report);
    const std::vector<const Finding*> rules = rules_of(all);
    JsonText json(JsonText::Layout::kIndented);
    json.begin('{').field("$schema", "https://json.schemastore.org/sarif-2.1.0.json").field("version", "2.1.0");
    json.key("runs").begin('[').begin('{').key("tool").begin('{').key("driver").begin('{').field("name", "stepdown");
    json.field("version", STEPDOWN_VERSION).key("rules").begin('[');
    for (const Finding* rule : rules) {
        append_rule(json, *rule);
    }
    json.end().end().end().key("results").begin('[');
    for (const Place& place : all) {
        const auto rule = std::ranges::find(rules, place.finding.check, &Finding::check);
        append_result(json, place, static_cast<std::size_t>(rule - rules.begin()));
    }
    return json.end().end().end().end().take();
}

} // namespace stepdown::render
