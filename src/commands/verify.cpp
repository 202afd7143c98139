#include "commands/verify.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <unistd.h>

#include <fmt/format.h>

#include "render/report_formats.hpp"
#include "verify/assess.hpp"

namespace stepdown::commands {
namespace {

constexpr int kUsage = 2;
constexpr int kUnknown = 3;

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

int refuse(const std::string& line) {
    write_all(STDERR_FILENO, fmt::format("stepdown verify: {}\n", line));
    return kUsage;
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
    if (!options.quiet && !write_all(STDOUT_FILENO, format->render(report))) {
        write_all(STDERR_FILENO, fmt::format("stepdown verify: standard output: {}\n", std::strerror(errno)));
        return kUnknown;
    }
    return status_of(overall(report));
}

} // namespace stepdown::commands
