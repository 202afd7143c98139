#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "cli/given.hpp"

namespace stepdown::cli {

// A command's name, what it takes and what --help says of it.
struct CommandRow {
    std::string_view name;
    Command command;
    // The command of the app after its own options; or words of its own, among which options may stand.
    enum class App { kNone, kOptional, kRequired, kWords } app;
    std::string_view help;
};

std::span<const CommandRow> commands();
const CommandRow& row_of(Command command);

struct Which {
    Command command = Command::kRun;
    int next = 1; // index in argv of the first word after the command's name
};

// The first word decides; when it is no command's name, it is `run`. `stepdown -- plan` runs a program called plan.
Which which_command(int argc, const char* const* argv);

struct CommandLine {
    std::vector<Given> given;     // in the order written
    std::vector<std::string> app; // the words after the options
};

// Options stop at "--" or at the first word that is none, so an app's own options stay its own.
Result<CommandLine> read_command_line(Command command, std::span<const char* const> words);

} // namespace stepdown::cli
