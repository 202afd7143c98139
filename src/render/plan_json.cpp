#include "render/plan_json.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

namespace stepdown::render {
namespace {

using Json = nlohmann::ordered_json; // keys stay in the order written

Json json_of(const std::optional<Identity>& identity) {
    if (!identity) {
        return nullptr;
    }
    Json json;
    json["uid"] = identity->uid;
    json["gid"] = identity->gid;
    json["name"] = identity->user_name;
    json["home"] = identity->home;
    json["shell"] = identity->shell;
    return json;
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

Json json_of(const PlanStep& step) {
    Json json;
    json["stage"] = step.stage;
    json["action"] = step.action;
    json["reason"] = step.reason;
    return json;
}

Json json_of(const Setting& option) {
    Json json;
    json["name"] = option.name;
    json["value"] = option.value;
    json["source"] = word_of(option.source.kind);
    json["where"] = option.source.where;
    return json;
}

template <class T> Json list_of(std::span<const T> items) {
    Json list = Json::array();
    for (const T& item : items) {
        list.push_back(json_of(item));
    }
    return list;
}

} // namespace

std::string plan_json(const Plan& plan, std::span<const PlanStep> steps, std::span<const Setting> options) {
    Json json;
    json["command"] = plan.command;
    json["app"] = json_of(plan.identity);
    json["steps"] = list_of(steps);
    json["options"] = list_of(options);
    json["warnings"] = plan.warnings;
    // A byte that is not UTF-8 is replaced rather than thrown about: paths may have any.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace stepdown::render
