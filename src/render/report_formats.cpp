#include "render/report_formats.hpp"

#include <algorithm>
#include <array>

namespace stepdown::render {
namespace {

constexpr std::array kFormats = {
    ReportFormat{"text", report_text},
    ReportFormat{"json", report_json},
};

} // namespace

std::span<const ReportFormat> report_formats() { return kFormats; }

const ReportFormat* find_report_format(std::string_view name) {
    const auto found = std::ranges::find(kFormats, name, &ReportFormat::name);
    return found == kFormats.end() ? nullptr : &*found;
}

std::string_view verdict_word(Verdict verdict) {
    switch (verdict) {
    case Verdict::kPass:
        return "pass";
    case Verdict::kSkipped:
        return "skipped";
    case Verdict::kUnknown:
        return "unknown";
    case Verdict::kFail:
        return "fail";
    }
    return "unknown";
}

std::string_view role_word(Role role) {
    switch (role) {
    case Role::kInit:
        return "init";
    case Role::kApp:
        return "app";
    case Role::kForeign:
        return "foreign";
    }
    return "foreign";
}

Verdict worst_of(const std::vector<Finding>& findings) {
    Verdict worst = findings.empty() ? Verdict::kSkipped : Verdict::kPass;
    bool judged = false;
    for (const Finding& finding : findings) {
        if (finding.verdict != Verdict::kSkipped) {
            judged = true;
            worst = std::max(worst, finding.verdict);
        }
    }
    return judged ? worst : Verdict::kSkipped;
}

} // namespace stepdown::render
