#pragma once

#include <span>
#include <string>
#include <string_view>

#include "stepdown/report.hpp"

namespace stepdown::render {

// For people: a line a process, more where something is not as it should be. With colour for a terminal.
std::string report_text(const Report& report);
std::string report_colour(const Report& report);

std::string report_json(const Report& report);       // docs/verify.schema.json; everything there is
std::string report_ndjson(const Report& report);     // a line a finding, then one with the verdict
std::string report_junit(const Report& report);      // the JUnit XML that CI servers read
std::string report_tap(const Report& report);        // Test Anything Protocol, version 13
std::string report_sarif(const Report& report);      // OASIS SARIF 2.1.0
std::string report_prometheus(const Report& report); // the text format, for node_exporter's textfile collector
std::string report_nagios(const Report& report);     // a monitoring plugin's one line
std::string report_silent(const Report& report);     // nothing

// A format is one file and one row.
struct ReportFormat {
    std::string_view name; // of --format
    std::string (*render)(const Report& report);
    std::string (*on_terminal)(const Report& report) = nullptr; // in its place, where standard output is one
};

std::span<const ReportFormat> report_formats();
const ReportFormat* find_report_format(std::string_view name); // null: no such format

} // namespace stepdown::render
