#include <utility>

#include "cli/front_end.hpp"
#include "cli/help.hpp"

namespace stepdown::cli {
namespace {

constexpr std::string_view kPeerVersion = "0.1.7"; // whose behaviour this is
constexpr int kFailedExecution = 1;

constexpr FrontOption kOptions[] = {
    {'g', {}, false}, {'h', {}, false}, {'L', {}, false}, {'P', {}, false}, {'V', "version", false}};

// Engines that look at their init's version look for tini's.
std::string version() {
    return std::string("tini version ")
        .append(kPeerVersion)
        .append("_catatonit (stepdown ")
        .append(kVersion)
        .append(")\n");
}

constexpr std::string_view kUsage = R"(Usage: catatonit [OPTION]... [--] PROGRAM [ARG]...

Runs PROGRAM, sends signals on to it and reaps what it leaves behind: stepdown,
called catatonit. With STEPDOWN_USER, or user in /etc/stepdown.toml, it gives
root up first. CATATONIT_DEBUG has it tell on standard error what happens.

  -g             send signals to the program's process group
  -P             run nothing: reap until INT or TERM comes
  -h             print this text
  -L             say under which terms this comes
  -V, --version  print the version
)";

} // namespace

FrontLine catatonit_line(const Words& words, std::span<const char* const> after) {
    FrontLine line;
    line.parsed.failed_execution = kFailedExecution;
    line.parsed.text_by_shell = true;
    line.parsed.plan.log_level = LogLevel::kError;
    line.parsed.plan.supervision.leave_rest = true;
    if (variable(words, "CATATONIT_LOG") != nullptr) {
        return end_with(std::move(line), 1, "catatonit: CATATONIT_LOG: has no meaning yet: unset it\n");
    }
    OptionWalk walk(after, kOptions);
    while (const auto found = walk.next()) {
        switch (found->letter) {
        case 'h':
            return end_with(std::move(line), 0, std::string(kUsage));
        case 'L':
            return end_with(std::move(line), 0, "This is stepdown, called catatonit: its own terms come with it.\n",
                            false);
        case 'V':
            return end_with(std::move(line), 0, version(), false);
        case 'g':
            ask(line, "signal-group", "true", "-g");
            break;
        case 'P':
            line.parsed.pause = true;
            break;
        default:
            return end_with(std::move(line), 1, std::string(kUsage));
        }
    }
    if (!line.parsed.pause) {
        line.app = app_of(walk, words);
        if (line.app.empty()) {
            return end_with(std::move(line), 1, std::string("catatonit: no program\n").append(kUsage));
        }
    }
    if (!line.app.empty() && line.app.front().empty()) {
        return end_with(std::move(line), kFailedExecution, "catatonit: the program is an empty word\n");
    }
    if (variable(words, "CATATONIT_DEBUG") != nullptr) {
        ask(line, "log-level", "debug", "CATATONIT_DEBUG");
    }
    return line;
}

} // namespace stepdown::cli
