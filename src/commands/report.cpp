#include "commands/report.hpp"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <expected>

#include <fcntl.h>
#include <sys/stat.h>
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

bool is_same(const struct stat& one, const struct stat& other) {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// A descriptor to write the report to where there is no file to replace: standard output by any of its names, a device,
// a pipe. Empty: path is a regular file's, or nobody's yet.
std::expected<sys::Fd, int> open_stream(const std::string& path) {
    struct stat there{};
    struct stat standard{};
    const bool named = path == "-";
    const bool exists = !named && ::stat(path.c_str(), &there) == 0;
    if (named || (exists && ::fstat(STDOUT_FILENO, &standard) == 0 && is_same(there, standard))) {
        sys::Fd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
        return out ? std::expected<sys::Fd, int>(std::move(out)) : std::unexpected(errno);
    }
    if (!exists || S_ISREG(there.st_mode)) {
        return sys::Fd();
    }
    sys::Fd out(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    return out ? std::expected<sys::Fd, int>(std::move(out)) : std::unexpected(errno);
}

// What a link names, also where that is not there yet: the link stays.
std::string followed(std::string path) {
    constexpr int kMostLinks = 40; // path_resolution(7)
    char target[PATH_MAX];
    for (int links = 0; links < kMostLinks; ++links) {
        const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
        if (length <= 0) {
            break;
        }
        const std::string_view named(target, static_cast<std::size_t>(length));
        path.resize(named.starts_with('/') ? 0 : path.rfind('/') + 1);
        path.append(named);
    }
    return path;
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

int put_into(const std::string& path, std::string_view text) {
    const auto stream = open_stream(path);
    if (!stream) {
        return stream.error();
    }
    if (!*stream) {
        return replace_file(followed(path), text);
    }
    const auto written = sys::write_whole(stream->get(), text);
    return written ? 0 : written.error();
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
        const int error = put_into(path, format.render(report));
        return error == 0 ? status : cannot_write(path, error);
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
