#pragma once

#include <string_view>

#include "cli/parsed.hpp"
#include "stepdown/report.hpp"

namespace stepdown::commands {

// Commands that judge answer by 0 pass, 1 fail, 2 usage, 3 unknown alone: they have no app whose status could be meant.
constexpr int kJudgeUsage = 2;
constexpr int kJudgeUnknown = 3;

// Writes the report as the words ask and answers with the exit status. A report that could not be written is 3.
int give_report(Report report, const cli::Parsed& parsed);

// A line on standard error; kJudgeUsage.
int refuse_judging(std::string_view line);

} // namespace stepdown::commands
