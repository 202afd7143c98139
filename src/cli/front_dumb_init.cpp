#include <charconv>
#include <csignal>
#include <optional>
#include <utility>

#include "cli/front_end.hpp"
#include "cli/help.hpp"

namespace stepdown::cli {
namespace {

constexpr std::string_view kPeerVersion = "1.2.5"; // whose behaviour this is
constexpr int kLastSignal = 31;
constexpr int kFailedExecution = 2;

constexpr FrontOption kOptions[] = {{'c', "single-child", false},
                                    {'r', "rewrite", true},
                                    {'v', "verbose", false},
                                    {'h', "help", false},
                                    {'V', "version", false}};

std::string version() {
    return std::string("dumb-init v").append(kPeerVersion).append(" (stepdown ").append(kVersion).append(")\n");
}

constexpr std::string_view kUsage = R"(Usage: dumb-init [OPTION]... [--] COMMAND [ARG]...

Runs COMMAND, sends signals on to its process group and reaps what it leaves
behind: stepdown, called dumb-init. With STEPDOWN_USER, or user in
/etc/stepdown.toml, it gives root up first.

  -c, --single-child  send signals to the command alone [DUMB_INIT_SETSID=0]
  -r, --rewrite=S:R   when signal number S arrives send R, or nothing if R is 0;
                      repeatable
  -v, --verbose       tell on standard error what happens [DUMB_INIT_DEBUG=1]
  -h, --help          print this text
  -V, --version       print the version
)";

std::optional<std::pair<int, int>> rewrite_in(std::string_view text) {
    int from = 0;
    int to = 0;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, from);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') {
        return std::nullopt;
    }
    const auto second = std::from_chars(first.ptr + 1, end, to);
    const bool known = from >= 1 && from <= kLastSignal && to >= 0 && to <= kLastSignal;
    return known && second.ec == std::errc() && second.ptr == end ? std::optional(std::pair(from, to)) : std::nullopt;
}

bool is_one(const char* value, std::string_view wanted) { return value != nullptr && value == wanted; }

FrontLine read_options(FrontLine line, OptionWalk& walk, bool& group, bool& verbose) {
    while (const auto found = walk.next()) {
        switch (found->letter) {
        case 'h':
            return end_with(std::move(line), 0, version().append(kUsage));
        case 'V':
            return end_with(std::move(line), 0, version());
        case 'c':
            group = false;
            break;
        case 'v':
            verbose = true;
            break;
        case 'r': {
            const auto rewrite = rewrite_in(found->value);
            if (!rewrite) {
                return end_with(std::move(line), 1,
                                "dumb-init: -r " + std::string(found->value) +
                                    ": write S:R, two signal numbers from 1 to 31; R may be 0\n");
            }
            const auto [from, to] = *rewrite;
            if (from != SIGKILL && from != SIGSTOP && from != SIGCHLD) { // which never arrive as ours to send on
                ask(line, "signal", std::to_string(from) + "=" + (to == 0 ? "drop" : std::to_string(to)), "-r");
            }
            break;
        }
        case OptionWalk::kNoValue:
            return end_with(std::move(line), 1, "dumb-init: -r: S:R is missing, two signal numbers from 1 to 31\n");
        default:
            return end_with(std::move(line), 1,
                            "dumb-init: " + std::string(found->word) + ": no such option; see dumb-init --help\n");
        }
    }
    return line;
}

} // namespace

FrontLine dumb_init_line(const Words& words, std::span<const char* const> after) {
    FrontLine line;
    line.parsed.failed_execution = kFailedExecution;
    line.parsed.text_by_shell = true;
    line.parsed.plan.log_level = LogLevel::kError;
    Supervision& supervision = line.parsed.plan.supervision;
    supervision.subreaper = Subreaper::kNever;
    supervision.leave_rest = true;
    supervision.job_control = true;
    bool group = !is_one(variable(words, "DUMB_INIT_SETSID"), "0");
    bool verbose = is_one(variable(words, "DUMB_INIT_DEBUG"), "1");
    OptionWalk walk(after, kOptions);
    line = read_options(std::move(line), walk, group, verbose);
    if (line.ends) {
        return line;
    }
    line.app = walk.rest();
    if (line.app.empty()) {
        return end_with(std::move(line), 1, std::string("dumb-init: no command\n").append(kUsage));
    }
    if (line.app.front().empty()) {
        return end_with(std::move(line), kFailedExecution, "dumb-init: the command is an empty word\n");
    }
    if (group) {
        Supervision& own = line.parsed.plan.supervision;
        own.signal_group = true;
        own.new_session = true;
        own.term_group = true;
        // In a session of its own a process is not stopped by the terminal's signals: nobody could have it go on.
        own.signals = {{SIGTSTP, SIGSTOP}, {SIGTTIN, SIGSTOP}, {SIGTTOU, SIGSTOP}};
    }
    if (verbose) {
        ask(line, "log-level", "debug", "-v");
    }
    return line;
}

} // namespace stepdown::cli
