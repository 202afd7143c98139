#include "render/plan_json.hpp"

#include <string_view>

#include "render/json_text.hpp"

namespace stepdown::render {
namespace {

void append(JsonText& json, const std::optional<Identity>& identity) {
    if (!identity) {
        json.null();
        return;
    }
    json.begin('{').field("uid", identity->uid).field("gid", identity->gid).field("name", identity->user_name);
    json.field("home", identity->home).field("shell", identity->shell).end();
}

std::string_view word_of(SourceKind kind) {
    switch (kind) {
    case SourceKind::kDefault:
        return "default";
    case SourceKind::kFile:
        return "file";
    case SourceKind::kEnvironment:
        return "environment";
    case SourceKind::kReceipt:
        return "receipt";
    case SourceKind::kFlag:
        break;
    }
    return "flag";
}

void append(JsonText& json, const PlanStep& step) {
    json.begin('{').field("stage", step.stage).field("action", step.action).field("reason", step.reason).end();
}

void append(JsonText& json, const Setting& option) {
    json.begin('{').field("name", option.name).field("value", option.value);
    json.field("source", word_of(option.source.kind)).field("where", option.source.where).end();
}

void append(JsonText& json, const std::string& text) { json.text(text); }

void append_list(JsonText& json, std::string_view name, const auto& items) {
    json.key(name).begin('[');
    for (const auto& item : items) {
        append(json, item);
    }
    json.end();
}

} // namespace

std::string plan_json(const Plan& plan, std::span<const PlanStep> steps, std::span<const Setting> options) {
    JsonText json(JsonText::Layout::kIndented);
    json.begin('{');
    append_list(json, "command", plan.command);
    append(json.key("app"), plan.identity);
    append_list(json, "steps", steps);
    append_list(json, "options", options);
    append_list(json, "warnings", plan.warnings);
    return json.end().take();
}

} // namespace stepdown::render
