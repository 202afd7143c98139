#include "render/report_formats.hpp"

#include <algorithm>
#include <array>

namespace stepdown::render {
namespace {

constexpr std::array kFormats = {
    ReportFormat{"text", report_text, report_colour},
    ReportFormat{"json", report_json},
    ReportFormat{"ndjson", report_ndjson},
    ReportFormat{"junit", report_junit},
    ReportFormat{"tap", report_tap},
    ReportFormat{"sarif", report_sarif},
    ReportFormat{"prometheus", report_prometheus},
    ReportFormat{"nagios", report_nagios},
    ReportFormat{"silent", report_silent},
};

} // namespace

std::span<const ReportFormat> report_formats() { return kFormats; }

const ReportFormat* find_report_format(std::string_view name) {
    const auto found = std::ranges::find(kFormats, name, &ReportFormat::name);
    return found == kFormats.end() ? nullptr : &*found;
}

} // namespace stepdown::render
