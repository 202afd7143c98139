#include "cli/setters.hpp"

#include <charconv>

#include "cli/front_end.hpp"
#include "cli/values.hpp"

namespace stepdown::cli {

Result<> apply_format(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<std::string_view> kFormats[] = {
        {"text", "text"},    {"json", "json"},   {"ndjson", "ndjson"},         {"junit", "junit"},
        {"tap", "tap"},      {"sarif", "sarif"}, {"prometheus", "prometheus"}, {"nagios", "nagios"},
        {"silent", "silent"}};
    std::string_view format;
    const auto set = set_choice(format, kFormats, "format", value, source);
    if (set && parsed.command == Command::kPlan && format != "text" && format != "json") {
        return refuse(source, "format", value, "is a format of reports; a plan is text or json");
    }
    parsed.format = format;
    return set;
}

Result<> apply_as(Parsed& parsed, std::string_view value, const Source& source) {
    if (find_front_end(value) == nullptr) {
        std::string names;
        for (const FrontEnd& front : front_ends()) {
            names.append(names.empty() ? "" : ", ").append(front.name);
        }
        return refuse(source, "as", value, "is not one of " + names);
    }
    parsed.install_as = value;
    return {};
}

Result<> apply_check(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.check, true, "check", value, source);
}

Result<> apply_pid(Parsed& parsed, std::string_view value, const Source& source) {
    pid_t pid = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), pid);
    if (fault != std::errc() || end != value.data() + value.size() || pid < 1) {
        return refuse(source, "pid", value, "is not a process id: a decimal number from 1");
    }
    parsed.report.pid = pid;
    return {};
}

Result<> apply_quiet(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.report.quiet, true, "quiet", value, source);
}

Result<> apply_self(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.report.self, true, "self", value, source);
}

Result<> apply_status_file(Parsed& parsed, std::string_view value, const Source&) {
    parsed.report.status = value;
    return {};
}

Result<> apply_proc(Parsed& parsed, std::string_view value, const Source& source) {
    return set_word_or_path(parsed.report.proc, {}, "proc", value, source);
}

Result<> apply_group_by(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<bool> kGroups[] = {{"container", true}};
    return set_choice(parsed.report.by_container, kGroups, "group-by", value, source);
}

Result<> apply_policy(Parsed& parsed, std::string_view value, const Source& source) {
    // A word alone is one of ours or a typing mistake; a file beside it is ./FILE.
    if (value.contains('/') || value.ends_with(".toml")) {
        parsed.report.policy = value;
        return {};
    }
    return set_word_or_path(parsed.report.policy, {"restricted", "baseline"}, "policy", value, source);
}

Result<> apply_files(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.report.files, true, "files", value, source);
}

Result<> apply_probe(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.report.probe, true, "probe", value, source);
}

Result<> apply_fail_on(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<Severity> kSeverities[] = {{"info", Severity::kInfo},
                                                       {"low", Severity::kLow},
                                                       {"medium", Severity::kMedium},
                                                       {"high", Severity::kHigh},
                                                       {"critical", Severity::kCritical}};
    return set_choice(parsed.report.least, kSeverities, "fail-on", value, source);
}

Result<> apply_report_only(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.report.report_only, true, "report-only", value, source);
}

Result<> apply_output(Parsed& parsed, std::string_view value, const Source&) {
    parsed.report.output = value;
    return {};
}

Result<> apply_root(Parsed& parsed, std::string_view value, const Source&) {
    parsed.report.root = value;
    return {};
}

} // namespace stepdown::cli
