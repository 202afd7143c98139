#include "cli/words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "cli/locks.hpp"

namespace stepdown::cli {
namespace {

Result<> add_one(std::vector<Given>& given, const Option& option, std::string_view value, const Source& source) {
    if (value.empty()) {
        return refuse(source, option.name, value, "is empty: give a value or leave the option out");
    }
    const bool has_lines = option.kind == Kind::kFree;
    const auto is_control = [has_lines](char byte) {
        const bool is_text = static_cast<unsigned char>(byte) >= ' ' && byte != '\x7f';
        return !is_text && !(has_lines && (byte == '\t' || byte == '\n'));
    };
    if (std::ranges::any_of(value, is_control)) {
        std::string shown(value);
        std::ranges::replace_if(shown, is_control, '?');
        return refuse(source, option.name, shown, "has a control character where the question mark is");
    }
    given.push_back({&option, {std::string(option.name), std::string(value), source}});
    return {};
}

Result<> add_items(std::vector<Given>& given, const Option& option, std::string_view value, std::string_view separators,
                   const Source& source) {
    while (true) {
        const std::size_t end = value.find_first_of(separators);
        if (auto added = add_one(given, option, value.substr(0, end), source); !added) {
            return added;
        }
        if (end == std::string_view::npos) {
            return {};
        }
        value.remove_prefix(end + 1);
    }
}

// A comma between two paths, which a Dockerfile's ENV can have and a newline it can hardly; none in
// "unix:/a,mode=0660".
std::string lines_of_paths(std::string_view value) {
    std::string lines(value);
    for (std::size_t at = lines.find(",/"); at != lines.npos; at = lines.find(",/", at)) {
        lines[at] = '\n';
    }
    return lines;
}

// The items of a list in an environment variable: separated by newlines, of which one may stand at the end, and by
// commas where they are on the command line too, or where a path follows.
Result<> add_variable(std::vector<Given>& given, const Option& option, std::string_view value, const Source& source) {
    if (!is_list(option.kind)) {
        return add_one(given, option, value, source);
    }
    if (value.size() > 1 && value.ends_with('\n')) {
        value.remove_suffix(1);
    }
    if (option.kind == Kind::kList) {
        return add_items(given, option, lines_of_paths(value), "\n", source);
    }
    return add_items(given, option, value, option.kind == Kind::kWords ? ",\n" : "\n", source);
}

std::unexpected<Error> unknown_variable(std::string_view name) {
    std::string line(name);
    line.append(": ");
    if (const Option* option = find_variable(name); option != nullptr) {
        return fail(ExitCode::kUsage, line + ((option->places & kOnCommandLine) == 0
                                                  ? "is a key of the configuration file only"
                                                  : "cannot be set by a variable: write " + flag_of(*option)));
    }
    std::string word(name.substr(kVariablePrefix.size()));
    std::ranges::transform(word, word.begin(), [](char letter) {
        return letter == '_' ? '-' : letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    });
    const std::string_view meant = nearest_option(word, kInEnvironment);
    return fail(ExitCode::kUsage,
                line + "no option has this variable; " +
                    (meant.empty() ? "see stepdown --help" : "did you mean " + variable_of(*find_option(meant)) + "?"));
}

Result<> read_environment(const char* const* environment, std::vector<Given>& given) {
    std::array<std::string_view, kMostOptions> values; // by row: the table's order, whatever the environment's is
    const std::span<const Option> rows = options();
    bool any = false;
    for (; environment != nullptr && *environment != nullptr; ++environment) {
        if (**environment != 'S') {
            continue;
        }
        const std::string_view entry = *environment;
        const std::size_t equals = entry.find('=');
        const std::string_view name = entry.substr(0, equals);
        if (equals == std::string_view::npos || !name.starts_with(kVariablePrefix) ||
            std::ranges::contains(kForeignVariables, name)) {
            continue;
        }
        const Option* option = find_variable(name);
        if (option == nullptr || (option->places & kInEnvironment) == 0) {
            return unknown_variable(name);
        }
        values[static_cast<std::size_t>(option - rows.data())] = entry.substr(equals + 1);
        any = true;
    }
    for (std::size_t row = 0; any && row < rows.size(); ++row) {
        if (values[row].data() == nullptr) {
            continue;
        }
        const Option& option = rows[row];
        const Source source = {SourceKind::kEnvironment, variable_of(option)};
        if (auto added = add_variable(given, option, values[row], source); !added) {
            return added;
        }
    }
    return {};
}

Result<> read_receipt(std::span<const Setting> receipt, std::vector<Given>& given) {
    for (const Setting& setting : receipt) {
        const Option* option = find_option(setting.name);
        if (option == nullptr) {
            return fail(ExitCode::kUsage, setting.source.where + ": " + setting.name +
                                              ": no such option: the receipt is of another version of stepdown");
        }
        if (auto added = add_value(given, *option, setting.value, {SourceKind::kReceipt, setting.source.where});
            !added) {
            return added;
        }
    }
    return {};
}

// --config, or STEPDOWN_CONFIG, whichever is stronger; null if neither was written.
const Setting* named_config(const std::vector<Given>& environment, const std::vector<Given>& flags) {
    for (const std::vector<Given>* source : {&flags, &environment}) {
        for (const Given& given : *source) {
            if (given.option->name == "config") {
                return &given.setting;
            }
        }
    }
    return nullptr;
}

using Sources = std::vector<std::vector<Given>>; // weakest first

Result<> read_default_files(const Words& words, Sources& sources) {
    if (auto read = read_config(kDefaultConfig, false, words.read, words.current_uid, sources.emplace_back()); !read) {
        return read;
    }
    const auto names = words.list(kConfigFolder);
    if (!names) {
        const int error = names.error();
        return error == ENOENT || error == ENOTDIR
                   ? Result<>()
                   : fail(ExitCode::kUsage, std::string(kConfigFolder) + ": cannot be read: " + std::strerror(error));
    }
    for (const std::string& name : *names) {
        const std::string path = std::string(kConfigFolder) + "/" + name;
        if (auto read = read_config(path.c_str(), true, words.read, words.current_uid, sources.emplace_back()); !read) {
            return read;
        }
    }
    return {};
}

// A file that is named is read instead of the default ones. A base image that locks anything does not have that.
Result<> refuse_if_locked(const Words& words, const Setting& named) {
    Sources defaults;
    if (auto read = read_default_files(words, defaults); !read) {
        return read;
    }
    if (named.value == kDefaultConfig) { // that one is read all the same
        defaults.erase(defaults.begin());
    }
    for (const std::vector<Given>& given : defaults) {
        const auto lock = std::ranges::find(given, "lock", [](const Given& item) { return item.option->name; });
        if (lock != given.end()) {
            return refuse(named.source, named.name, named.value,
                          "would be read instead of " + lock->setting.source.where + ", which locks " +
                              lock->setting.value);
        }
    }
    return {};
}

Result<> read_named_file(const Words& words, const Setting& named, Sources& sources) {
    if (auto open = refuse_if_locked(words, named); !open) {
        return open;
    }
    auto read = read_config(named.value.c_str(), true, words.read, words.current_uid, sources.emplace_back());
    if (!read && !read.error().line.starts_with(named.source.where)) {
        read.error().line.insert(0, named.source.where + ": ");
    }
    return read;
}

Result<> read_files(const Words& words, const Setting* named, Sources& sources) {
    return named != nullptr ? read_named_file(words, *named, sources) : read_default_files(words, sources);
}

Result<> hold_locks(const Sources& sources, Command command) {
    Locks locks;
    for (const std::vector<Given>& source : sources) {
        if (auto passed = locks.pass(source, bit(command)); !passed) {
            return passed;
        }
    }
    return {};
}

// Of each option the values of its strongest source; weakest sources first, so that setup work keeps its order. Locks
// add up.
Result<> apply_strongest(Parsed& parsed, std::span<std::vector<Given>> weakest_first) {
    std::array<const std::vector<Given>*, kMostOptions> strongest = {};
    for (const std::vector<Given>& source : weakest_first) {
        for (const Given& given : source) {
            strongest[static_cast<std::size_t>(given.option - options().data())] = &source;
        }
    }
    for (std::vector<Given>& source : weakest_first) {
        for (auto& [option, setting] : source) {
            const std::vector<Given>* decides = strongest[static_cast<std::size_t>(option - options().data())];
            if ((option->commands & bit(parsed.command)) == 0 || (decides != &source && option->name != "lock")) {
                continue;
            }
            if (auto applied = option->apply(parsed, setting.value, setting.source); !applied) {
                return applied;
            }
            parsed.plan.settings.push_back(std::move(setting));
        }
    }
    return {};
}

// What is asked of a PID 1 that there will not be.
void warn_without_init(Plan& plan) {
    if (plan.init) {
        return;
    }
    std::string names;
    for (const Option& option : options()) {
        if (option.stage == Stage::kSupervise && option.name != "no-init" &&
            std::ranges::contains(plan.settings, option.name, &Setting::name)) {
            names.append(names.empty() ? "" : ", ").append(option.name);
        }
    }
    if (!names.empty()) {
        plan.warnings.push_back(
            "--no-init: the app becomes this process, and nobody is left to do what is asked for by " + names);
    }
}

Result<> take_app(Parsed& parsed, std::vector<std::string>&& app) {
    const CommandRow& row = row_of(parsed.command);
    if (row.app == CommandRow::App::kNone && !app.empty()) {
        return fail(ExitCode::kUsage, app.front() + ": stepdown " + std::string(row.name) + " takes no command");
    }
    if (row.app == CommandRow::App::kRequired && app.empty() && !parsed.pause) {
        if (parsed.command == Command::kInstall) {
            return fail(ExitCode::kUsage, "no path: stepdown install [--as=NAME] PATH");
        }
        return fail(ExitCode::kUsage, "no command: stepdown [OPTION]... [--] COMMAND [ARG]...; see stepdown --help");
    }
    if (!app.empty() && app.front().empty()) {
        return fail(ExitCode::kUsage, "the command is an empty word: name a program");
    }
    parsed.plan.command = std::move(app);
    return {};
}

} // namespace

Result<> add_value(std::vector<Given>& given, const Option& option, std::string_view value, const Source& source) {
    return add_items(given, option, value, option.kind == Kind::kWords ? "," : "", source);
}

Result<Parsed> parse(const Words& words) {
    const auto [command, next] = which_command(words.argc, words.argv);
    Parsed parsed;
    parsed.command = command;
    auto line = read_command_line(command, {words.argv + next, static_cast<std::size_t>(words.argc - next)});
    if (!line) {
        return std::unexpected(std::move(line.error()));
    }
    for (const Given& given : line->given) { // must work whatever else is wrong
        if (given.option->name == "help" || given.option->name == "version") {
            if (auto applied = given.option->apply(parsed, given.setting.value, given.setting.source); !applied) {
                return std::unexpected(std::move(applied.error()));
            }
            return parsed;
        }
    }
    Result<Parsed> all = complete(std::move(parsed), std::move(line->given), std::move(line->app), words);
    if (all) {
        warn_without_init(all->plan);
    }
    return all;
}

Result<Parsed> complete(Parsed parsed, std::vector<Given> flags, std::vector<std::string> app, const Words& words) {
    Sources sources;
    std::vector<Given> environment;
    auto step = read_environment(words.environment, environment);
    step = step ? read_files(words, named_config(environment, flags), sources) : step;
    sources.push_back(std::move(environment));
    step = step ? read_receipt(words.receipt, sources.emplace_back()) : step;
    sources.push_back(std::move(flags));
    step = step ? hold_locks(sources, parsed.command) : step;
    step = step ? apply_strongest(parsed, sources) : step;
    step = step ? take_app(parsed, std::move(app)) : step;
    if (!step) {
        return std::unexpected(std::move(step.error()));
    }
    return parsed;
}

std::vector<Setting> effective_settings(const Plan& plan, Command command) {
    std::vector<Setting> all;
    for (const Option& option : options()) {
        if ((option.commands & bit(command)) == 0) {
            continue;
        }
        const std::size_t before = all.size();
        std::ranges::copy_if(plan.settings, std::back_inserter(all),
                             [&option](const Setting& setting) { return setting.name == option.name; });
        if (all.size() == before && !option.fallback.empty()) {
            all.push_back({std::string(option.name), std::string(option.fallback), {}});
        }
    }
    return all;
}

} // namespace stepdown::cli
