#include <algorithm>
#include <charconv>
#include <utility>

#include "cli/front_end.hpp"
#include "cli/help.hpp"
#include "plan/signal_names.hpp"

namespace stepdown::cli {
namespace {

constexpr std::string_view kPeerVersion = "0.19.0"; // whose behaviour this is

constexpr int kNotFound = 127;

constexpr FrontOption kOptions[] = {{'h', {}, false}, {'s', {}, false}, {'p', {}, true}, {'v', {}, false},
                                    {'w', {}, false}, {'g', {}, false}, {'e', {}, true}, {'l', {}, false}};

std::string version() {
    return std::string("tini version ").append(kPeerVersion).append(" (stepdown ").append(kVersion).append(")\n");
}

std::string usage() {
    return version() + R"(Usage: tini [OPTION]... [--] PROGRAM [ARG]...
       tini [OPTION]... PROGRAM -- [ARG]...
       tini --version

Runs PROGRAM under the supervision of a valid init process: stepdown, called tini.
With STEPDOWN_USER, or user in /etc/stepdown.toml, it gives root up first.

  -s         let orphans come here where it is not PID 1 [TINI_SUBREAPER]
  -p SIGNAL  get SIGNAL, as SIGTERM, when the parent ends, and send it on
  -v         more verbose, up to three times [TINI_VERBOSITY: 0 to 3, default 1]
  -w         a warning for each orphan that is reaped
  -g         send signals to the program's process group [TINI_KILL_PROCESS_GROUP]
  -e STATUS  end with 0 when the program's status is STATUS; repeatable
  -l         say under which terms this comes
  -h         print this text
)";
}

// tini prints its licence. packaging/inventory has the same list, and a test compares them.
constexpr std::string_view kTerms = R"(This is stepdown, called tini. Nothing of tini is in it, and tini's licence does
not govern it: the terms of its own source are those that its repository states.

What its release has of others, each under a licence of its own:

  musl                MIT
  libc++              Apache-2.0 WITH LLVM-exception
  libunwind           Apache-2.0 WITH LLVM-exception
  compiler-rt         Apache-2.0 WITH LLVM-exception
  libseccomp          LGPL-2.1-only
  libcap-ng           LGPL-2.1-or-later
  libmd               BSD-3-Clause AND BSD-2-Clause AND ISC AND Beerware
  CLI11               BSD-3-Clause
  fmt                 MIT
  spdlog              MIT
  nlohmann-json       MIT
  toml++              MIT
  linux-libc-headers  GPL-2.0-only WITH Linux-syscall-note

Their texts are in the packages, /usr/share/doc/stepdown/copyright; docs/distribution.md
says which of them are in a binary, and in which version.
)";

std::string_view level_of(int verbosity) {
    static constexpr std::string_view kLevels[] = {"error", "warn", "info", "debug"};
    return kLevels[std::clamp(verbosity, 0, 3)];
}

bool is_status(std::string_view text) {
    int number = -1;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    return fault == std::errc() && end == text.data() + text.size() && number >= 0 && number <= 255;
}

FrontLine bad_value(FrontLine line, const OptionWalk::Found& found, std::string_view why) {
    std::string text = "tini: -";
    text.append(found.word).append(": \"").append(found.value).append("\" ").append(why).append("\n");
    return end_with(std::move(line), 1, std::move(text));
}

// As atoi(3): blanks and a sign may stand before it, and what is no number is 0.
int verbosity_in(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size()));
    text.remove_prefix(text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

void read_variables(FrontLine& line, const Words& words, int verbosity) {
    if (variable(words, "TINI_SUBREAPER") != nullptr) {
        ask(line, "subreaper", "yes", "TINI_SUBREAPER");
    }
    if (variable(words, "TINI_KILL_PROCESS_GROUP") != nullptr) {
        ask(line, "signal-group", "true", "TINI_KILL_PROCESS_GROUP");
    }
    const char* asked = variable(words, "TINI_VERBOSITY");
    if (asked != nullptr || verbosity != 1) {
        ask(line, "log-level", std::string(level_of(asked == nullptr ? verbosity : verbosity_in(asked))),
            asked == nullptr ? "-v" : "TINI_VERBOSITY");
    }
}

} // namespace

FrontLine tini_line(const Words& words, std::span<const char* const> after) {
    FrontLine line;
    line.parsed.fails_as_tini = true;
    line.parsed.text_by_shell = true;
    Supervision& supervision = line.parsed.plan.supervision;
    supervision.subreaper = Subreaper::kNever;
    supervision.leave_rest = true;
    if (after.size() == 1 && std::string_view(after.front()) == "--version") {
        return end_with(std::move(line), 0, version(), false);
    }
    int verbosity = 1;
    OptionWalk walk(after, kOptions);
    while (const auto found = walk.next()) {
        switch (found->letter) {
        case 'h':
            return end_with(std::move(line), 0, usage(), false);
        case 'l':
            return end_with(std::move(line), 0, std::string(kTerms), false);
        case 's':
            ask(line, "subreaper", "yes", "-s");
            break;
        case 'p':
            if (!found->value.starts_with("SIG") || !plan::signal_number(found->value)) {
                return bad_value(std::move(line), *found, "names no signal: write it as SIGTERM");
            }
            ask(line, "parent-death-signal", std::string(found->value), "-p");
            break;
        case 'v':
            ++verbosity;
            break;
        case 'w':
            ask(line, "log-orphans", "true", "-w");
            break;
        case 'g':
            ask(line, "signal-group", "true", "-g");
            break;
        case 'e':
            if (!is_status(found->value)) {
                return bad_value(std::move(line), *found, "is no exit status from 0 to 255");
            }
            ask(line, "exit-status", std::string(found->value) + "=0", "-e");
            break;
        default:
            return end_with(std::move(line), 1, usage());
        }
    }
    line.app = app_of(walk, words);
    if (line.app.empty()) {
        return end_with(std::move(line), 1, usage());
    }
    if (line.app.front().empty()) {
        return end_with(std::move(line), kNotFound, "tini: the program is an empty word\n");
    }
    read_variables(line, words, verbosity);
    return line;
}

} // namespace stepdown::cli
