#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/parsed.hpp"
#include "stepdown/error.hpp"

namespace stepdown::cli {

// kFlag: true without a value. kText: one value. kList: any number of values, their order kept. kFree: a list of what
// may have tabs and newlines in it. kWords: a list of what never has a comma, so that one value may be several,
// separated by commas.
enum class Kind { kFlag, kText, kList, kFree, kWords };

constexpr bool is_list(Kind kind) { return kind != Kind::kFlag && kind != Kind::kText; }

// What the option is about: the groups of --help, in the order of a start.
enum class Stage { kIdentity, kProcess, kSetup, kConfine, kSupervise, kReceipt, kReport, kGeneral };

// Which commands take the option: one bit a Command.
constexpr unsigned bit(Command command) { return 1U << static_cast<unsigned>(command); }
constexpr unsigned kRunAndPlan =
    bit(Command::kRun) | bit(Command::kPlan) | bit(Command::kCheckImage) | bit(Command::kRecord);
constexpr unsigned kStarts = kRunAndPlan | bit(Command::kExec) | bit(Command::kSelftest);
constexpr unsigned kJudges = bit(Command::kVerify) | bit(Command::kSelftest) | bit(Command::kCheckImage);
constexpr unsigned kReports = bit(Command::kPlan) | kJudges;
constexpr unsigned kEveryCommand =
    kStarts | bit(Command::kVerify) | bit(Command::kProfile) | bit(Command::kInstall) | bit(Command::kReady);

// Where the option may be written.
constexpr unsigned kOnCommandLine = 1;
constexpr unsigned kInEnvironment = 2;
constexpr unsigned kInFile = 4;
constexpr unsigned kEverywhere = kOnCommandLine | kInEnvironment | kInFile;

// The one definition of an option. Command line, environment, configuration file, --help and `stepdown plan` read this
// row and nothing else; a new option is a new row and the function it names.
struct Option {
    std::string_view name; // canonical: the flag without its dashes, and the key in the file
    char letter;           // short flag; 0: none
    Kind kind;
    std::string_view placeholder; // of the value, in help; empty for a flag
    std::string_view fallback;    // the default in words a user could write; empty: none
    std::string_view help;        // a clause, without a full stop
    Stage stage;
    unsigned commands;
    unsigned places;
    // Validates the value and stores it. Called once for a flag or a text, once a value for a list, with the strongest
    // source's values only. A value is never empty and has no control characters but
    // those of kFree.
    Result<> (*apply)(Parsed& parsed, std::string_view value, const Source& source);
    // What a later source may still do to a locked value: words from the loosest to the strictest, "false true". A word
    // gives way to those after it, the first to any value. Of a list: kFewerIsStricter or kMoreIsStricter. Empty: a
    // locked value stays as it is.
    std::string_view loosest_first = {};
};

constexpr std::string_view kFewerIsStricter = "more fewer";
constexpr std::string_view kMoreIsStricter = "fewer more";

std::span<const Option> options();
constexpr std::size_t kMostOptions = 128; // so that what is kept a row needs no allocation; the table may grow to this

// The row of that name, whatever command takes it; null if there is none.
const Option* find_option(std::string_view name);
const Option* find_option(char letter);
// By environment variable ("STEPDOWN_USER"), without building a string.
const Option* find_variable(std::string_view variable);

// "--user", "STEPDOWN_USER".
std::string flag_of(const Option& option);
std::string variable_of(const Option& option);

constexpr std::string_view kVariablePrefix = "STEPDOWN_";

// Variables with our prefix that are no options and are left alone: images keep the version they install in one.
constexpr std::string_view kForeignVariables[] = {"STEPDOWN_VERSION"};

// The name a typing mistake was likely meant to be; empty if none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> names);
// Among the options that may be written in that place by that command. The flag is answered without dashes.
std::string_view nearest_option(std::string_view word, unsigned place, unsigned commands = kEveryCommand);

// One line about one value: where it was written, what it is, what is wrong with it and what would be right.
std::unexpected<Error> refuse(const Source& source, std::string_view option, std::string_view value,
                              std::string_view why);

} // namespace stepdown::cli
