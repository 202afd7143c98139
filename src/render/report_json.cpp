#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "render/report_formats.hpp"

namespace stepdown::render {
namespace {

using Json = nlohmann::ordered_json; // keys stay in the order written

template <class T> Json or_null(const std::optional<T>& fact) { return fact ? Json(*fact) : Json(nullptr); }

Json json_of(const std::vector<Finding>& findings) {
    Json list = Json::array();
    for (const Finding& finding : findings) {
        Json one;
        one["check"] = finding.check;
        one["verdict"] = verdict_word(finding.verdict);
        one["expected"] = finding.expected;
        one["observed"] = finding.observed;
        one["remedy"] = finding.remedy;
        list.push_back(std::move(one));
    }
    return list;
}

Json json_of(const std::optional<CapabilitySets>& sets) {
    if (!sets) {
        return nullptr;
    }
    const auto mask = [](std::uint64_t bits) { return fmt::format("{:016x}", bits); }; // JSON numbers end at 53 bits
    Json masks;
    masks["inheritable"] = mask(sets->inheritable);
    masks["permitted"] = mask(sets->permitted);
    masks["effective"] = mask(sets->effective);
    masks["bounding"] = mask(sets->bounding);
    masks["ambient"] = mask(sets->ambient);
    return masks;
}

Json json_of(const Facts& facts) {
    Json json;
    json["uid"] = or_null(facts.uid);
    json["gid"] = or_null(facts.gid);
    json["groups"] = or_null(facts.groups);
    json["capabilities"] = json_of(facts.capabilities);
    json["no_new_privs"] = or_null(facts.no_new_privs);
    json["seccomp_mode"] = or_null(facts.seccomp_mode);
    json["seccomp_filters"] = or_null(facts.seccomp_filters);
    return json;
}

Json json_of(const Subject& subject) {
    const Thread& thread = subject.thread;
    Json json;
    json["pid"] = thread.pid;
    json["tid"] = thread.tid;
    json["parent"] = thread.parent;
    json["tracer"] = thread.tracer;
    json["state"] = std::string(1, thread.state);
    json["name"] = thread.name;
    json["role"] = role_word(subject.role);
    json["verdict"] = verdict_word(worst_of(subject.findings));
    json["facts"] = json_of(thread.facts);
    json["findings"] = json_of(subject.findings);
    return json;
}

} // namespace

std::string report_json(const Report& report) {
    Json json;
    json["schema"] = 1;
    json["verdict"] = verdict_word(overall(report));
    json["receipt"] = report.receipt.empty() ? Json(nullptr) : Json(report.receipt);
    json["container"] = json_of(report.container);
    json["threads"] = Json::array();
    for (const Subject& subject : report.subjects) {
        json["threads"].push_back(json_of(subject));
    }
    // A program names its threads as it likes: what is not UTF-8 is replaced, never thrown about.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace stepdown::render
