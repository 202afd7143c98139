#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

#include <unistd.h>

#include "cli/front_end.hpp"
#include "cli/help.hpp"

// gosu and su-exec: one process, which becomes the command.
namespace stepdown::cli {
namespace {

constexpr int kFailed = 1; // whatever it was
constexpr std::string_view kPeerVersion = "1.17";

std::string version() { return std::string(kPeerVersion).append(" (stepdown ").append(kVersion).append(")\n"); }

std::string usage(std::string_view name) {
    std::string text = "Usage: ";
    text.append(name).append(" USER[:GROUP] COMMAND [ARG]...\n\nBecomes USER and then COMMAND: stepdown, called ");
    return text.append(name).append(".\nUSER and GROUP are names or numbers; an empty USER is who calls.\n");
}

// The peers' specs in ours: a colon with nothing behind it says nothing.
std::string spec_of(std::string_view written) {
    if (written.ends_with(':')) {
        written.remove_suffix(1);
    }
    return written.empty() ? std::to_string(::getuid()) : std::string(written);
}

FrontLine line_for(std::string_view spec, std::span<const char* const> command) {
    FrontLine line;
    line.parsed.failed_start = kFailed;
    Plan& plan = line.parsed.plan;
    plan.init = false;
    plan.allow_root = true; // who wrote root meant it
    plan.callers_gid = true;
    plan.seccomp.profile = "off";
    plan.receipt = "off";
    plan.log_level = LogLevel::kError;
    ask(line, "user", spec_of(spec), "user-spec");
    line.app.assign(command.begin(), command.end());
    return line;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

} // namespace

FrontLine gosu_line(const Words&, std::span<const char* const> after) {
    if (!after.empty() && is_one_of(after.front(), {"--help", "-h", "-?"})) {
        return end_with({}, 0, usage("gosu"), false);
    }
    if (!after.empty() && is_one_of(after.front(), {"--version", "-v"})) {
        return end_with({}, 0, version(), false);
    }
    return after.size() < 2 ? end_with({}, kFailed, usage("gosu")) : line_for(after.front(), after.subspan(1));
}

FrontLine su_exec_line(const Words&, std::span<const char* const> after) {
    if (after.size() < 2) {
        return end_with({}, kFailed, usage("su-exec"), false);
    }
    if (is_one_of(after.front(), {"", ":"})) {
        return end_with({}, kFailed, "su-exec: the user is empty: an unset variable? Root would go on as root\n");
    }
    return line_for(after.front(), after.subspan(1));
}

} // namespace stepdown::cli
