#pragma once

#include <span>

#include "cli/command_line.hpp"
#include "cli/config_file.hpp"
#include "cli/parsed.hpp"
#include "stepdown/error.hpp"

namespace stepdown::cli {

// All that can decide what is meant. Everything is borrowed for the call.
struct Words {
    int argc = 0;
    const char* const* argv = nullptr;
    const char* const* environment = nullptr; // ends with a null, as environ(7)
    std::span<const Setting> receipt = {};    // what a running start was told, for exec; stronger than the environment
    ReadFile read = read_file;
    ListFolder list = list_folder;
    uid_t current_uid = 0; // whose configuration file is trusted beside root's
};

// Words → Plan. A flag is stronger than the receipt, that than the environment, that than the files of /etc/stepdown.d
// (the last one first), those than /etc/stepdown.toml, that than the default; a file may lock what it says (Locks); of
// each option the strongest source counts alone, a list included. The lists of setup work keep the order in which they
// were written: the file's lines first, then the environment (in the order of the table), then the command line. Never
// resolves who the user is. Every error is one line, ExitCode::kUsage.
Result<Parsed> parse(const Words& words);

// The part of parse() behind the command line: other sources, the strongest of each option, the app's words. parsed
// has what holds where nothing was written.
Result<Parsed> complete(Parsed parsed, std::vector<Given> flags, std::vector<std::string> app, const Words& words);

// Every option of that command with its value and where that comes from, in the order of the table: for `stepdown
// plan`. An option nobody set has its default, SourceKind::kDefault; one without a default has none and is left out.
std::vector<Setting> effective_settings(const Plan& plan, Command command);

} // namespace stepdown::cli
