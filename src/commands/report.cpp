#include "commands/report.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include <fmt/format.h>

#include "commands/output_file.hpp"
#include "render/report_formats.hpp"
#include "sys/write.hpp"

namespace stepdown::commands {
namespace {

int status_of(Verdict verdict) {
    switch (verdict) {
    case Verdict::kPass:
    case Verdict::kSkipped:
        return 0;
    case Verdict::kFail:
        return 1;
    case Verdict::kUnknown:
        break;
    }
    return kJudgeUnknown;
}

int cannot_write(std::string_view where, int error) {
    (void)sys::write_whole(STDERR_FILENO, fmt::format("stepdown: {}: {}\n", where, std::strerror(error)));
    return kJudgeUnknown;
}

bool wants_colour() {
    const char* const terminal = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && terminal != nullptr &&
           std::strcmp(terminal, "dumb") != 0;
}

} // namespace

int refuse_judging(std::string_view line) {
    (void)sys::write_whole(STDERR_FILENO, fmt::format("stepdown: {}\n", line));
    return kJudgeUsage;
}

int give_report(Report report, const cli::Parsed& parsed) {
    report.least = parsed.report.least;
    for (Report& member : report.members) {
        member.least = report.least;
    }
    const int status = parsed.report.report_only ? 0 : status_of(overall(report));
    const render::ReportFormat& format = *render::find_report_format(parsed.format);
    if (const std::string& path = parsed.report.output; !path.empty()) {
        const auto written = write_output(path, format.render(report));
        return written ? status : cannot_write(path, written.error());
    }
    if (parsed.report.quiet) {
        return status;
    }
    const auto render = format.on_terminal != nullptr && wants_colour() ? format.on_terminal : format.render;
    if (const auto written = sys::write_whole(STDOUT_FILENO, render(report)); !written) {
        return cannot_write("standard output", written.error());
    }
    return status;
}

} // namespace stepdown::commands
