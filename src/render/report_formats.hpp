#pragma once

#include <span>
#include <string>
#include <string_view>

#include "stepdown/report.hpp"

namespace stepdown::render {

std::string
report_text(const Report& report); // for people: a line a process, more where something is not as it should be
std::string report_json(const Report& report); // docs/verify.schema.json; everything there is

// A format is one file and one row.
struct ReportFormat {
    std::string_view name; // of --format
    std::string (*render)(const Report& report);
};

std::span<const ReportFormat> report_formats();
const ReportFormat* find_report_format(std::string_view name); // null: no such format

// Shared by the formats.
std::string_view verdict_word(Verdict verdict); // "pass" "skipped" "unknown" "fail"
std::string_view role_word(Role role);          // "init" "app" "foreign"
Verdict worst_of(const std::vector<Finding>& findings);

} // namespace stepdown::render
