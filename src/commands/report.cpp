#include "commands/report.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "render/report_formats.hpp"
#include "sys/fd.hpp"
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

// A reader sees the old file or the whole new one: a collector reads at any time. The name in between has no suffix
// that one would look for.
int replace_file(const std::string& path, std::string_view text) {
    const std::size_t slash = path.rfind('/') + 1;
    const std::string beside = fmt::format("{}.{}.{}", path.substr(0, slash), path.substr(slash), ::getpid());
    const sys::Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file) {
        return errno;
    }
    const auto written = sys::write_whole(file.get(), text);
    const int error = !written ? written.error() : ::rename(beside.c_str(), path.c_str()) != 0 ? errno : 0;
    if (error != 0) {
        ::unlink(beside.c_str());
    }
    return error;
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
    if (parsed.report.quiet) {
        return status;
    }
    const render::ReportFormat& format = *render::find_report_format(parsed.format);
    if (const std::string& path = parsed.report.output; !path.empty()) {
        const int error = replace_file(path, format.render(report));
        return error == 0 ? status : cannot_write(path, error);
    }
    const auto render = format.on_terminal != nullptr && wants_colour() ? format.on_terminal : format.render;
    if (const auto written = sys::write_whole(STDOUT_FILENO, render(report)); !written) {
        return cannot_write("standard output", written.error());
    }
    return status;
}

} // namespace stepdown::commands
