#include "commands/verify.hpp"

#include <cstring>
#include <string_view>

#include <unistd.h>

#include <fmt/format.h>

#include "render/report_formats.hpp"
#include "sys/write.hpp"
#include "verify/assess.hpp"

namespace stepdown::commands {
namespace {

constexpr int kUnknown = 3;

int refuse(const std::string& line) {
    (void)sys::write_whole(STDERR_FILENO, fmt::format("stepdown verify: {}\n", line));
    return kVerifyUsage;
}

std::string format_names() {
    std::string names;
    for (const render::ReportFormat& format : render::report_formats()) {
        names += names.empty() ? "" : ", ";
        names += format.name;
    }
    return names;
}

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
    return kUnknown;
}

} // namespace

int verify(sys::Kernel& kernel, const VerifyOptions& options) {
    const render::ReportFormat* const format = render::find_report_format(options.format);
    if (format == nullptr) {
        return refuse(fmt::format("--format {}: no such format; there are: {}", options.format, format_names()));
    }
    if (options.pid && *options.pid <= 0) {
        return refuse(fmt::format("--pid {}: not the number of a process", *options.pid));
    }
    if (options.receipt != "auto" && options.receipt != "off" && !options.receipt.starts_with('/')) {
        return refuse(fmt::format("--receipt {}: not an absolute path, nor auto, nor off", options.receipt));
    }
    const Report report =
        verify::assess(kernel, {.proc = options.proc, .receipt = options.receipt, .pid = options.pid});
    if (!options.quiet) {
        if (const auto written = sys::write_whole(STDOUT_FILENO, format->render(report)); !written) {
            (void)sys::write_whole(
                STDERR_FILENO, fmt::format("stepdown verify: standard output: {}\n", std::strerror(written.error())));
            return kUnknown;
        }
    }
    return status_of(overall(report));
}

} // namespace stepdown::commands
