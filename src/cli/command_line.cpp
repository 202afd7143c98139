#include "cli/command_line.hpp"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>

namespace stepdown::cli {
namespace {

using enum CommandRow::App;

constexpr CommandRow kCommands[] = {
    {"run", Command::kRun, kRequired,
     "set up, step down, prove it, run the app; what is done when no command is named"},
    {"exec", Command::kExec, kRequired,
     "step down and become the app, without setup: for docker exec and health checks"},
    {"plan", Command::kPlan, kOptional, "print what run would do and where each value comes from; touches nothing"},
    {"verify", Command::kVerify, kNone, "judge the running processes against the receipt of the start"},
    {"selftest", Command::kSelftest, kNone,
     "step down with a canary and report what this kernel and runtime really enforce"},
    {"check-image", Command::kCheckImage, kOptional,
     "judge an image before it runs: the user, the paths, the program, files that give privileges"},
    {"profile", Command::kProfile, kWords,
     "compile, show, lint, compare or explain system call filters: profile list|show|lint|explain|diff|compile"},
    {"record", Command::kRecord, kRequired,
     "run, and write a system call filter that lets through what the app asked for, and nothing else"},
    {"ready", Command::kReady, kNone, "exit 0 once the app is ready, by --ready of its start: for health checks"},
    {"install", Command::kInstall, kRequired,
     "copy this program to a path, there to be what it is called or --as says"},
};

// The option a word names, with what stands after '='. A word of ours is never half understood: `-qx` is no option.
struct Word {
    const Option* option = nullptr;
    bool has_value = false;
    std::string_view value;
};

Word understand(std::string_view word, Command command) {
    Word result;
    if (word.starts_with("--")) {
        const std::size_t equals = word.find('=');
        result.option = find_option(word.substr(2, equals == std::string_view::npos ? equals : equals - 2));
        result.has_value = equals != std::string_view::npos;
        result.value = result.has_value ? word.substr(equals + 1) : std::string_view();
    } else if (word.size() == 2) {
        result.option = find_option(word[1]);
    }
    if (result.option != nullptr &&
        ((result.option->commands & bit(command)) == 0 || (result.option->places & kOnCommandLine) == 0)) {
        result.option = nullptr;
    }
    return result;
}

Source on_command_line(const Option& option) { return {SourceKind::kFlag, flag_of(option)}; }

// The option part of the words, and the rows it names: all that CLI11 has to know about.
struct OptionPart {
    std::size_t size = 0;
    std::vector<const Option*> rows;
};

Result<OptionPart> measure(Command command, std::span<const char* const> words) {
    OptionPart part;
    while (part.size < words.size()) {
        const std::string_view word = words[part.size];
        if (!word.starts_with('-') || word == "-" || word == "--") {
            break;
        }
        ++part.size;
        const auto [option, has_value, value] = understand(word, command);
        if (option == nullptr) {
            continue; // CLI11 will say so, in its own time
        }
        if (has_value && value.empty()) { // CLI11 would take the next word for it
            return refuse(on_command_line(*option), option->name, "", "is empty: give a value or leave the option out");
        }
        if (std::ranges::contains(part.rows, option)) {
            if (!is_list(option->kind)) {
                return fail(ExitCode::kUsage, flag_of(*option) + ": given twice, and only one value can be meant");
            }
        } else {
            part.rows.push_back(option);
        }
        if (option->kind != Kind::kFlag && !has_value) {
            if (part.size == words.size()) {
                return fail(ExitCode::kUsage, flag_of(*option) + ": the value is missing: " + flag_of(*option) + "=" +
                                                  std::string(option->placeholder));
            }
            ++part.size;
        }
    }
    return part;
}

std::unexpected<Error> unknown_option(Command command, std::string_view word) {
    std::string line(word.substr(0, word.find('=')));
    const std::string_view name = line.starts_with("--") ? std::string_view(line).substr(2) : std::string_view();
    const std::string of(row_of(command).name);
    const Option* elsewhere = line.size() == 2 ? find_option(line[1]) : find_option(name);
    if (elsewhere != nullptr && (elsewhere->places & kOnCommandLine) == 0) {
        return fail(ExitCode::kUsage, line + ": is a key of the configuration file only");
    }
    if (elsewhere != nullptr) {
        std::string takers;
        for (const CommandRow& row : kCommands) {
            if ((elsewhere->commands & bit(row.command)) != 0) {
                takers.append(takers.empty() ? "" : " and ").append(row.name);
            }
        }
        return fail(ExitCode::kUsage, line + ": is an option of " + takers + ", not of " + of);
    }
    const std::string_view meant = nearest_option(name, kOnCommandLine, bit(command));
    line.append(": no such option; ");
    if (meant.empty()) {
        return fail(ExitCode::kUsage, line + "see stepdown " + of + " --help");
    }
    return fail(ExitCode::kUsage, line.append("did you mean --").append(meant).append("?"));
}

// CLI::App without the help option, and so without what building one costs.
class Parser : public CLI::App {
  public:
    Parser() : App(std::string(), "stepdown", nullptr) {}
};

// Throws what CLI11 throws.
Result<> parse_options(Command command, std::span<const char* const> words, const std::vector<const Option*>& rows,
                       std::vector<Given>& given) {
    Parser parser;
    parser.allow_extras();
    struct Registered {
        const CLI::Option* known;
        const Option* row;
        std::size_t used = 0;
    };
    std::vector<Registered> registered;
    registered.reserve(rows.size());
    for (const Option* row : rows) {
        std::string names = flag_of(*row);
        if (row->letter != 0) {
            names.append(",-").append(1, row->letter);
        }
        CLI::Option* option = parser.add_option(std::move(names), CLI::callback_t());
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        if (row->kind == Kind::kFlag) {
            option->type_size(0)->expected(0);
        }
        registered.push_back({option, row});
    }
    std::vector<std::string> backwards(words.rbegin(), words.rend());
    parser.parse(std::move(backwards));
    for (const std::string& extra : parser.remaining()) {
        return unknown_option(command, extra);
    }
    given.reserve(parser.parse_order().size());
    for (const CLI::Option* parsed : parser.parse_order()) {
        Registered& entry = *std::ranges::find(registered, parsed, &Registered::known);
        if (auto added = add_value(given, *entry.row, parsed->results()[entry.used++], on_command_line(*entry.row));
            !added) {
            return added;
        }
    }
    return {};
}

// The options first, then the other words, in the order of each: for a command whose words are its own.
Result<std::vector<const char*>> options_first(Command command, std::span<const char* const> words) {
    std::vector<const char*> ordered;
    std::vector<const char*> others = {"--"};
    while (!words.empty()) {
        const auto part = measure(command, words);
        if (!part) {
            return std::unexpected(part.error());
        }
        ordered.insert(ordered.end(), words.begin(), words.begin() + static_cast<std::ptrdiff_t>(part->size));
        words = words.subspan(part->size);
        const bool only_words = !words.empty() && std::string_view(words.front()) == "--";
        const std::size_t count = only_words ? words.size() : std::min<std::size_t>(words.size(), 1);
        others.insert(others.end(), words.begin() + (only_words ? 1 : 0),
                      words.begin() + static_cast<std::ptrdiff_t>(count));
        words = words.subspan(count);
    }
    ordered.insert(ordered.end(), others.begin(), others.end());
    return ordered;
}

Result<CommandLine> read_ordered(Command command, std::span<const char* const> words) {
    const auto part = measure(command, words);
    if (!part) {
        return std::unexpected(part.error());
    }
    CommandLine line;
    if (part->size > 0) {
        try {
            if (auto parsed = parse_options(command, words.first(part->size), part->rows, line.given); !parsed) {
                return std::unexpected(parsed.error());
            }
        } catch (const CLI::Error& error) {
            return fail(ExitCode::kUsage, std::string("command line: ") + error.what());
        }
    }
    std::span<const char* const> rest = words.subspan(part->size);
    if (!rest.empty() && std::string_view(rest.front()) == "--") {
        rest = rest.subspan(1);
    }
    line.app.assign(rest.begin(), rest.end());
    return line;
}

// Then the words are files, and no app's.
bool merges(Command command, std::span<const char* const> words) {
    const auto part = measure(command, words);
    return command == Command::kRecord && part &&
           std::ranges::contains(part->rows, std::string_view("merge"), [](const Option* row) { return row->name; });
}

} // namespace

std::span<const CommandRow> commands() { return kCommands; }

const CommandRow& row_of(Command command) { return *std::ranges::find(kCommands, command, &CommandRow::command); }

Which which_command(int argc, const char* const* argv) {
    if (argc > 1) {
        const auto row = std::ranges::find(kCommands, std::string_view(argv[1]), &CommandRow::name);
        if (row != std::end(kCommands)) {
            return {row->command, 2};
        }
    }
    return {.next = std::min(argc, 1)};
}

Result<CommandLine> read_command_line(Command command, std::span<const char* const> words) {
    if (row_of(command).app != kWords && !merges(command, words)) {
        return read_ordered(command, words);
    }
    const auto ordered = options_first(command, words);
    return ordered ? read_ordered(command, *ordered) : std::unexpected(ordered.error());
}

} // namespace stepdown::cli
