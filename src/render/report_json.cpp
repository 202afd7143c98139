#include <fmt/format.h>

#include "render/json_text.hpp"
#include "render/report_formats.hpp"
#include "render/words.hpp"

namespace stepdown::render {
namespace {

void append_text_or_null(JsonText& json, std::string_view name, std::string_view value) {
    value.empty() ? json.key(name).null() : json.field(name, value);
}

void append(JsonText& json, const std::vector<Finding>& findings) {
    json.begin('[');
    for (const Finding& finding : findings) {
        json.begin('{').field("check", finding.check).field("verdict", verdict_word(finding.verdict));
        json.field("severity", severity_word(finding.severity)).field("title", finding.title);
        json.field("expected", finding.expected).field("observed", finding.observed);
        json.field("remedy", finding.remedy).field("references", finding.references);
        append_text_or_null(json, "waiver", finding.waiver);
        append_text_or_null(json, "file", finding.file);
        json.end();
    }
    json.end();
}

void append_numbers(JsonText& json, std::string_view name, const auto& numbers) {
    json.key(name);
    if (!numbers) {
        json.null();
        return;
    }
    json.begin('[');
    for (const std::uint32_t number : *numbers) {
        json.number(number);
    }
    json.end();
}

void append(JsonText& json, const std::optional<CapabilitySets>& sets) {
    if (!sets) {
        json.null();
        return;
    }
    const auto mask = [&json](std::string_view name, std::uint64_t bits) { // JSON numbers end at 53 bits
        json.field(name, fmt::format("{:016x}", bits));
    };
    json.begin('{');
    mask("inheritable", sets->inheritable);
    mask("permitted", sets->permitted);
    mask("effective", sets->effective);
    mask("bounding", sets->bounding);
    mask("ambient", sets->ambient);
    json.end();
}

void append(JsonText& json, const Facts& facts) {
    json.begin('{');
    append_numbers(json, "uid", facts.uid);
    append_numbers(json, "gid", facts.gid);
    append_numbers(json, "groups", facts.groups);
    append(json.key("capabilities"), facts.capabilities);
    facts.no_new_privs ? json.key("no_new_privs").boolean(*facts.no_new_privs) : json.key("no_new_privs").null();
    facts.seccomp_mode ? json.field("seccomp_mode", *facts.seccomp_mode) : json.key("seccomp_mode").null();
    facts.seccomp_filters ? json.field("seccomp_filters", *facts.seccomp_filters) : json.key("seccomp_filters").null();
    json.end();
}

void append(JsonText& json, const Subject& subject, Severity least) {
    const Thread& thread = subject.thread;
    json.begin('{').field("pid", thread.pid).field("tid", thread.tid).field("parent", thread.parent);
    json.field("tracer", thread.tracer).field("state", std::string_view(&thread.state, 1)).field("name", thread.name);
    json.field("role", role_word(subject.role));
    json.field("verdict", verdict_word(worst_of(subject.findings, least)));
    append(json.key("facts"), thread.facts);
    append(json.key("findings"), subject.findings);
    json.end();
}

// What a report of one container and a node's member have in common.
void append_judgement(JsonText& json, const Report& report) {
    json.field("verdict", verdict_word(overall(report)));
    append_text_or_null(json, "receipt", report.receipt);
    append(json.key("container"), report.container);
    json.key("threads").begin('[');
    for (const Subject& subject : report.subjects) {
        append(json, subject, report.least);
    }
    json.end();
}

} // namespace

std::string report_json(const Report& report) {
    JsonText json(JsonText::Layout::kIndented);
    json.begin('{').field("schema", 1).field("fail_on", severity_word(report.least));
    append_judgement(json, report);
    json.key("containers").begin('[');
    for (const Report& member : report.members) {
        json.begin('{').field("id", member.id);
        append_text_or_null(json, "pod", member.pod);
        append_judgement(json, member);
        json.end();
    }
    return json.end().end().take();
}

} // namespace stepdown::render
