#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "cli/parsed.hpp"
#include "stepdown/error.hpp"

// The setters of the table's supervision rows.
namespace stepdown::cli {

// systemd.time(7)'s spans down to a millisecond: "10s", "500ms", "2min 30s", "1h"; a number alone is seconds. Whole
// numbers, no more than a year in all.
std::optional<std::chrono::milliseconds> time_span(std::string_view text);

Result<> apply_signal(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_signal_group(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_stop_signal(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_grace(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_drain(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_exit_status(Parsed& parsed, std::string_view value, const Source& source);

} // namespace stepdown::cli
