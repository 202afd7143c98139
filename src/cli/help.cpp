#include "cli/help.hpp"

#include <algorithm>

#include "cli/command_line.hpp"
#include "cli/options.hpp"

namespace stepdown::cli {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kTextColumn = 28;

constexpr std::pair<Stage, std::string_view> kStages[] = {
    {Stage::kIdentity, "Identity"},   {Stage::kProcess, "The app's process"}, {Stage::kSetup, "Root-only setup"},
    {Stage::kConfine, "Confinement"}, {Stage::kSupervise, "Supervision"},     {Stage::kReceipt, "Verification"},
    {Stage::kReport, "Output"},       {Stage::kGeneral, "General"},
};

// The words of text, broken at blanks, from column indent on; the first line is already at that column.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
    std::size_t column = indent;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (column > indent && column + 1 + end > kColumns) {
            out.append("\n").append(indent, ' ');
            column = indent;
        } else if (column > indent) {
            out.append(" ");
            ++column;
        }
        out.append(text.substr(0, end));
        column += end;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    out.append("\n");
}

// A left column and the text beside it, or below it when the left one is too wide.
void append_row(std::string& out, std::string_view left, std::string_view text) {
    out.append(left);
    if (left.size() + 1 > kTextColumn) {
        out.append("\n").append(kTextColumn, ' ');
    } else {
        out.append(kTextColumn - left.size(), ' ');
    }
    append_wrapped(out, text, kTextColumn);
}

void append_option(std::string& out, const Option& option) {
    std::string left = option.letter == 0 ? "  " : std::string("  -") + option.letter + ", ";
    left.append(flag_of(option));
    if (!option.placeholder.empty()) {
        left.append("=").append(option.placeholder);
    }
    std::string text(option.help);
    if (is_list(option.kind)) {
        text.append(option.kind == Kind::kWords ? "; repeatable, or separated by commas" : "; repeatable");
    }
    std::string facts;
    if ((option.places & kInEnvironment) != 0) {
        facts = variable_of(option);
    }
    if (option.kind != Kind::kFlag && !option.fallback.empty()) {
        facts.append(facts.empty() ? "" : ", ").append("default: ").append(option.fallback);
    }
    append_row(out, left, facts.empty() ? text : text.append(" [").append(facts).append("]"));
}

void append_options(std::string& out, Command command) {
    for (const auto& [stage, title] : kStages) {
        bool titled = false;
        for (const Option& option : options()) {
            if (option.stage != stage || (option.commands & bit(command)) == 0 ||
                (option.places & kOnCommandLine) == 0) {
                continue;
            }
            if (!std::exchange(titled, true)) {
                out.append("\n").append(title).append(":\n");
            }
            append_option(out, option);
        }
    }
}

} // namespace

std::string_view usage_of(Command command) {
    switch (command) {
    case Command::kRun:
        return "stepdown [run] [OPTION]... [--] COMMAND [ARG]...";
    case Command::kExec:
        return "stepdown exec [OPTION]... [--] COMMAND [ARG]...";
    case Command::kRecord:
        return "stepdown record [OPTION]... -o FILE [--] COMMAND [ARG]...\n"
               "       stepdown record --merge FILE... -o FILE";
    case Command::kPlan:
        return "stepdown plan [OPTION]... [--] [COMMAND [ARG]...]";
    case Command::kVerify:
        return "stepdown verify [OPTION]...";
    case Command::kSelftest:
        return "stepdown selftest [OPTION]...";
    case Command::kCheckImage:
        return "stepdown check-image [OPTION]... [--] [COMMAND [ARG]...]";
    case Command::kProfile:
        return "stepdown profile list\n"
               "       stepdown profile show [PROFILE]\n"
               "       stepdown profile lint PROFILE\n"
               "       stepdown profile explain [PROFILE] CALL[:ARG]...\n"
               "       stepdown profile diff PROFILE PROFILE\n"
               "       stepdown profile compile PROFILE -o FILE";
    case Command::kReady:
        return "stepdown ready [OPTION]...";
    case Command::kInstall:
        return "stepdown install [OPTION]... [--] PATH";
    }
    return {};
}

const std::string_view kRunStory =
    "As PID 1 of a container: does the root-only setup, gives root up for good, has the kernel confirm it, runs the "
    "command, forwards signals to it and reaps what it leaves behind.";

const std::string_view kSources =
    "An option comes from the command line, else from its environment variable, else from the configuration file, "
    "where it is a key by its name without the dashes: user = \"app\", own = [\"/data\"], allow-root = true. A list "
    "from a stronger source replaces a weaker one's. In a variable a list is separated by newlines, and by commas "
    "where the flag's is or paths are listed. A flag is true or false, 1 or 0, yes or no. Unknown variables, unknown "
    "keys and empty values "
    "are errors.";

namespace {

using Code = std::pair<std::string_view, std::string_view>;

constexpr Code kExitCodes[] = {
    {"0-125, 128-255", "the command's own; 128+N when signal N ended it"},
    {"126", "the command was found but cannot be executed"},
    {"127", "the command was not found"},
    {"100", "bad option, variable, configuration file or plan"},
    {"101", "the root-only setup failed"},
    {"102", "root could not be given up"},
    {"103", "the app could not be confined"},
    {"104", "the kernel's account does not match the plan"},
    {"111", "internal error"},
};

constexpr Code kProfileExitCodes[] = {
    {"0", "done; lint: no finding, diff: no difference"},
    {"1", "lint: findings, diff: differences"},
    {"100", "bad option, variable, configuration file or profile"},
    {"111", "the output could not be written"},
};

constexpr Code kJudgeExitCodes[] = {
    {"0", "everything that counts holds"},
    {"1", "something does not"},
    {"2", "bad option, variable or configuration file"},
    {"3", "something could not be found out"},
};

std::span<const Code> codes_of(Command command) {
    if (command == Command::kProfile) {
        return kProfileExitCodes;
    }
    return (bit(command) & kJudges) != 0 ? std::span<const Code>(kJudgeExitCodes) : kExitCodes;
}

void append_exit_codes(std::string& out, Command command) {
    out.append("\nExit status:\n");
    for (const auto& [code, meaning] : codes_of(command)) {
        append_row(out, std::string("  ").append(code), meaning);
    }
}

} // namespace

std::span<const std::pair<Stage, std::string_view>> stages() { return kStages; }

std::span<const Code> exit_codes(Command command) {
    return (bit(command) & kJudges) != 0 ? std::span<const Code>(kJudgeExitCodes) : kExitCodes;
}

std::string help_text(Command command) {
    std::string out = "Usage: ";
    out.append(usage_of(command)).append("\n\n");
    if (command == Command::kRun) {
        append_wrapped(out, kRunStory, 0);
        out.append("\nCommands:\n");
        for (const CommandRow& row : commands()) {
            append_row(out, std::string("  ").append(row.name), row.help);
        }
        out.append("\n");
        append_wrapped(out, "The first word decides; \"stepdown -- plan\" runs a program called plan.", 0);
    } else {
        append_wrapped(out, std::string("To ").append(row_of(command).help).append("."), 0);
    }
    append_options(out, command);
    out.append("\n");
    append_wrapped(out, kSources, 0);
    append_exit_codes(out, command);
    return out;
}

std::string version_text() { return std::string("stepdown ").append(kVersion).append("\n"); }

} // namespace stepdown::cli
