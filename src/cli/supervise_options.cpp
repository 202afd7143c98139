#include "cli/setters.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>

#include "cli/values.hpp"
#include "plan/signal_names.hpp"

namespace stepdown::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest = std::chrono::years(1);
constexpr std::string_view kNoSignal =
    "names no signal: write a name as TERM or SIGTERM, RTMIN+N, or a number from 1 to 64";
constexpr std::string_view kNoTime = "is no time: write 10s, 500ms, 2min, 1h, or a number of seconds, up to a year";

struct Unit {
    std::string_view names[5];
    milliseconds length;
};

constexpr Unit kUnits[] = {
    {{"s", "sec", "second", "seconds", ""}, std::chrono::seconds(1)},
    {{"ms", "msec"}, milliseconds(1)},
    {{"m", "min", "minute", "minutes"}, std::chrono::minutes(1)},
    {{"h", "hr", "hour", "hours"}, std::chrono::hours(1)},
    {{"d", "day", "days"}, std::chrono::days(1)},
};

std::optional<milliseconds> unit_of(std::string_view name) {
    for (const Unit& unit : kUnits) {
        if (std::ranges::any_of(unit.names, [name](std::string_view known) { return known.data() && known == name; })) {
            return unit.length;
        }
    }
    return std::nullopt;
}

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); }

Result<> set_signal(int& target, std::string_view name, std::string_view value, const Source& source) {
    const std::optional<int> number = plan::signal_number(value);
    if (!number) {
        return refuse(source, name, value, kNoSignal);
    }
    target = *number;
    return {};
}

Result<> set_time(std::string_view name, std::string_view value, const Source& source, auto& target) {
    const std::optional<milliseconds> time = time_span(value);
    if (!time) {
        return refuse(source, name, value, kNoTime);
    }
    target = *time;
    return {};
}

std::optional<int> status_of(std::string_view digits) {
    constexpr int kMost = 255;
    int status = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
    const bool whole = fault == std::errc() && end == digits.data() + digits.size();
    return whole && status >= 0 && status <= kMost ? std::optional(status) : std::nullopt;
}

} // namespace

std::optional<milliseconds> time_span(std::string_view text) {
    milliseconds sum{0};
    bool any = false;
    for (skip_blanks(text); !text.empty(); skip_blanks(text)) {
        std::uint32_t count = 0;
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
        if (fault != std::errc()) {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        skip_blanks(text);
        const std::size_t letters = std::min(text.find_first_of(" 0123456789"), text.size());
        const std::optional<milliseconds> unit = unit_of(text.substr(0, letters));
        if (!unit || count > (kLongest - sum) / *unit) {
            return std::nullopt;
        }
        sum += count * *unit;
        text.remove_prefix(letters);
        any = true;
    }
    return any ? std::optional(sum) : std::nullopt;
}

Result<> apply_signal(Parsed& parsed, std::string_view value, const Source& source) {
    const std::size_t equals = value.find('=');
    if (equals == std::string_view::npos) {
        return refuse(source, "signal", value, "has no equals sign: write FROM=TO or FROM=drop");
    }
    const std::optional<int> from = plan::signal_number(value.substr(0, equals));
    const std::string_view target = value.substr(equals + 1);
    const std::optional<int> to = target == "drop" ? std::optional(0) : plan::signal_number(target);
    if (!from || !to) {
        return refuse(source, "signal", value, kNoSignal);
    }
    if (*from == SIGKILL || *from == SIGSTOP || *from == SIGCHLD) {
        return refuse(source, "signal", value,
                      *from == SIGCHLD ? "cannot be: CHLD is PID 1's own"
                                       : "cannot be: no process can catch this signal");
    }
    parsed.plan.supervision.signals.push_back({*from, *to});
    return {};
}

Result<> apply_signal_group(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.supervision.signal_group, true, "signal-group", value, source);
}

Result<> apply_stop_signal(Parsed& parsed, std::string_view value, const Source& source) {
    return set_signal(parsed.plan.supervision.stop_signal, "stop-signal", value, source);
}

Result<> apply_forking(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.supervision.forking, true, "forking", value, source);
}

Result<> apply_pidfile(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, "pidfile", value, source); !checked) {
        return checked;
    }
    parsed.plan.supervision.pid_file = value;
    return {};
}

Result<> apply_ready(Parsed& parsed, std::string_view value, const Source& source) {
    using Kind = Readiness::Kind;
    Readiness& ready = parsed.plan.supervision.ready;
    const std::size_t colon = std::min(value.find(':'), value.size());
    const std::string_view kind = value.substr(0, colon);
    const std::string_view rest = value.substr(std::min(colon + 1, value.size()));
    if (value == "notify") {
        ready = {.kind = Kind::kNotify, .path = {}};
        return {};
    }
    if (kind == "unix") {
        ready = {.kind = Kind::kUnix, .path = std::string(rest)};
        return check_path(rest, "ready", value, source);
    }
    constexpr int kFirstFree = 3;
    constexpr int kLastDescriptor = 1023; // what every start may open, getrlimit(2)
    constexpr int kLastPort = 65535;
    const bool is_port = kind == "tcp";
    int number = 0;
    const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    const bool fits = fault == std::errc() && end == rest.data() + rest.size() && !rest.empty() &&
                      number >= (is_port ? 1 : kFirstFree) && number <= (is_port ? kLastPort : kLastDescriptor);
    if (!fits || (kind != "tcp" && kind != "fd")) {
        return refuse(source, "ready", value, "is not fd:N with N from 3 to 1023, notify, tcp:PORT, nor unix:PATH");
    }
    ready = {.kind = is_port ? Kind::kTcp : Kind::kDescriptor, .number = number, .path = {}};
    return {};
}

Result<> apply_watchdog(Parsed& parsed, std::string_view value, const Source& source) {
    return set_time("watchdog", value, source, parsed.plan.supervision.watchdog);
}

Result<> apply_job_control(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.supervision.job_control, true, "job-control", value, source);
}

Result<> apply_new_session(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.supervision.new_session, true, "new-session", value, source);
}

Result<> apply_subreaper(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<Subreaper> kChoices[] = {
        {"auto", Subreaper::kAuto}, {"yes", Subreaper::kAlways}, {"no", Subreaper::kNever}};
    return set_choice(parsed.plan.supervision.subreaper, kChoices, "subreaper", value, source);
}

Result<> apply_log_orphans(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.supervision.log_orphans, true, "log-orphans", value, source);
}

Result<> apply_kill_on_orphan(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.supervision.kill_on_orphan, true, "kill-on-orphan", value, source);
}

Result<> apply_parent_death_signal(Parsed& parsed, std::string_view value, const Source& source) {
    return set_signal(parsed.plan.supervision.parent_death_signal, "parent-death-signal", value, source);
}

Result<> apply_stop_delay(Parsed& parsed, std::string_view value, const Source& source) {
    return set_time("stop-delay", value, source, parsed.plan.supervision.stop_delay);
}

Result<> apply_grace(Parsed& parsed, std::string_view value, const Source& source) {
    return set_time("grace", value, source, parsed.plan.supervision.grace);
}

Result<> apply_drain(Parsed& parsed, std::string_view value, const Source& source) {
    return set_time("drain", value, source, parsed.plan.supervision.drain);
}

Result<> apply_exit_status(Parsed& parsed, std::string_view value, const Source& source) {
    const std::size_t equals = std::min(value.find('='), value.size());
    const std::optional<int> from = status_of(value.substr(0, equals));
    const std::optional<int> to = equals == value.size() ? std::nullopt : status_of(value.substr(equals + 1));
    if (!from || !to) {
        return refuse(source, "exit-status", value, "is not FROM=TO with two exit statuses from 0 to 255");
    }
    parsed.plan.supervision.exit_statuses.push_back({*from, *to});
    return {};
}

} // namespace stepdown::cli
