#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "cli/help.hpp"
#include "cli_parse.hpp"
#include "golden/golden.hpp"

namespace stepdown::cli {
namespace {

// A good value of each option that takes one: a new row needs one more here.
// clang-format off
const std::map<std::string_view, std::string> kSamples = {
    {"user", "app"},
    {"mkdir", "/run/app:0750"},
    {"own", "/data"},
    {"user-from", "/data"},
    {"user-env", "PUID:PGID"},
    {"groups", "passwd"},
    {"keep-cap", "net_bind_service"},
    {"passwd-entry", "worker"},
    {"env", "A=1"},
    {"env-file", "/etc/vars"},
    {"unset", "A"},
    {"keep-env", "TZ"},
    {"cwd", "/srv"},
    {"umask", "0027"},
    {"rlimit", "core=0"},
    {"nice", "5"},
    {"oom-score-adj", "500"},
    {"keep-fd", "9"},
    {"setup", "d /run/app 0750 - -"},
    {"setup-file", "/usr/lib/tmpfiles.d/app.conf"},
    {"state", "app"},
    {"runtime", "app"},
    {"cache", "app"},
    {"logs", "app"},
    {"own-policy", "skip"},
    {"own-allow", "read-only"},
    {"listen", "tcp:0.0.0.0:80"},
    {"secret", "DB=/run/secrets/db"},
    {"secrets-dir", "/dev/shm/secrets"},
    {"before-drop", "true"},
    {"before-drop-dir", "/etc/start.d"},
    {"before-start", "true"},
    {"hook-timeout", "10s"},
    {"wait-for", "tcp:db:5432"},
    {"wait-timeout", "10s"},
    {"seccomp", "off"},
    {"emulate-root", "ids"},
    {"receipt", "/run/r"},
    {"format", "json"},
    {"output", "/reports/one"},
    {"fail-on", "high"},
    {"root", "/image"},
    {"policy", "restricted"},
    {"file", "-"},
    {"proc", "/host/proc"},
    {"group-by", "container"},
    {"pid", "7"},
    {"log-level", "info"},
    {"log-format", "json"},
    {"config", "/c.toml"},
    {"signal", "HUP=drop"},
    {"stop-signal", "QUIT"},
    {"stop-delay", "5s"},
    {"grace", "10s"},
    {"drain", "0"},
    {"lock", "user"},
    {"seccomp-allow", "@ptrace"},
    {"seccomp-deny", "mkdir"},
    {"rootfs", "ro"},
    {"ro", "/etc"},
    {"rw", "/data"},
    {"exec", "/usr"},
    {"connect", "443"},
    {"bind", "8080"},
    {"scope", "signals"},
    {"landlock", "require"},
    {"exit-status", "143=0"},
    {"subreaper", "yes"},
    {"startup", "500ms"},
    {"parent-death-signal", "TERM"},
    {"as", "tini"},
    {"pidfile", "/run/app.pid"},
    {"ready", "tcp:80"},
    {"watchdog", "30s"},
};
// clang-format on

std::string sample(const Option& option) {
    if (option.kind == Kind::kFlag) {
        return "true";
    }
    const auto found = kSamples.find(option.name);
    EXPECT_NE(found, kSamples.end()) << "no sample value for --" << option.name;
    return found == kSamples.end() ? "" : found->second;
}

// A command that takes the option, as words.
std::vector<std::string> command_of(const Option& option) {
    for (const CommandRow& row : commands()) {
        if ((option.commands & bit(row.command)) != 0) {
            return {std::string(row.name)};
        }
    }
    ADD_FAILURE() << "--" << option.name << " belongs to no command";
    return {};
}

bool shows_nothing_but_text(const Option& option) { return option.name == "help" || option.name == "version"; }

Result<Parsed> parse_with(const Option& option, std::vector<std::string> words,
                          const std::vector<std::string>& environment) {
    if (FakeFile::path.empty()) {
        FakeFile::set("/c.toml", ""); // for --config
    }
    const auto row = std::ranges::find(commands(), std::string_view(words.front()), &CommandRow::name);
    if (row != commands().end() && row->app == CommandRow::App::kRequired) {
        words.emplace_back("true");
    }
    const auto parsed = parse_words(words, environment);
    EXPECT_TRUE(parsed) << "--" << option.name << ": " << refusal(parsed);
    return parsed;
}

bool was_set(const Result<Parsed>& parsed, const Option& option, SourceKind kind) {
    return parsed && std::ranges::any_of(parsed->plan.settings, [&](const Setting& setting) {
               return setting.name == option.name && setting.value == sample(option) && setting.source.kind == kind;
           });
}

TEST(OptionTable, EveryRowIsReachedFromEveryPlaceItNamesAndFromNoOther) {
    for (const Option& option : options()) {
        SCOPED_TRACE(option.name);
        const std::string value = sample(option);
        const std::vector<std::string> command = command_of(option);

        FakeFile::clear();
        std::vector<std::string> words = command;
        words.push_back(flag_of(option) + "=" + value);
        if ((option.places & kOnCommandLine) == 0) {
            EXPECT_EQ(refusal(parse_words(words)), flag_of(option) + ": is a key of the configuration file only");
        } else {
            const auto by_flag = parse_with(option, words, {});
            EXPECT_TRUE(shows_nothing_but_text(option) ? by_flag->show != Show::kNothing
                                                       : was_set(by_flag, option, SourceKind::kFlag));
        }

        const std::vector<std::string> environment = {variable_of(option) + "=" + value};
        FakeFile::clear();
        if ((option.places & kInEnvironment) != 0) {
            EXPECT_TRUE(was_set(parse_with(option, command, environment), option, SourceKind::kEnvironment));
        } else if (!std::ranges::contains(kForeignVariables, variable_of(option))) {
            EXPECT_EQ(refusal(parse_words({"true"}, environment)),
                      variable_of(option) + ((option.places & kOnCommandLine) == 0
                                                 ? ": is a key of the configuration file only"
                                                 : ": cannot be set by a variable: write " + flag_of(option)));
        }

        const std::string key(option.name);
        FakeFile::set("/etc/stepdown.toml", key + " = " +
                                                (option.kind == Kind::kFlag   ? value
                                                 : option.kind == Kind::kText ? "'" + value + "'"
                                                                              : "['" + value + "']"));
        if ((option.places & kInFile) != 0) {
            EXPECT_TRUE(was_set(parse_with(option, command, {}), option, SourceKind::kFile));
        } else {
            EXPECT_EQ(refusal(parse_words({"true"})),
                      "/etc/stepdown.toml:1: " + key + ": cannot be set in a file: write it on the command line");
        }
    }
}

TEST(OptionTable, EveryRowIsInTheHelpOfItsCommandsAndOfNoOther) {
    for (const CommandRow& row : commands()) {
        const std::string help = help_text(row.command);
        for (const Option& option : options()) {
            const bool takes = (option.commands & bit(row.command)) != 0 && (option.places & kOnCommandLine) != 0;
            EXPECT_EQ(help.contains(flag_of(option) +
                                    (option.placeholder.empty() ? " " : "=" + std::string(option.placeholder))),
                      takes)
                << row.name << " --" << option.name;
            EXPECT_EQ(help.contains("[" + variable_of(option) + "]") || help.contains("[" + variable_of(option) + ","),
                      takes && (option.places & kInEnvironment) != 0)
                << row.name << " " << variable_of(option);
        }
    }
}

TEST(OptionTable, EveryDefaultIsWhatAPlanHasAndWhatAUserCouldWrite) {
    for (const Option& option : options()) {
        if (option.fallback.empty() || option.name == "config") {
            continue;
        }
        Parsed parsed;
        EXPECT_TRUE(option.apply(parsed, option.fallback, {})) << option.name;
        if (option.name == "pid") {
            parsed.report.pid.reset(); // "1" is what its absence means
        }
        EXPECT_EQ(parsed.plan, Plan()) << option.name;
        EXPECT_EQ(parsed.format, Parsed().format);
        EXPECT_EQ(parsed.check, Parsed().check);
        EXPECT_EQ(parsed.report, Parsed().report);
    }
}

TEST(OptionTable, NamesAreUniqueAndWellFormed) {
    std::set<std::string_view> names;
    std::set<char> letters;
    for (const Option& option : options()) {
        EXPECT_TRUE(names.insert(option.name).second) << option.name;
        EXPECT_TRUE(option.letter == 0 || letters.insert(option.letter).second) << option.name;
        EXPECT_EQ(option.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << option.name;
        EXPECT_EQ(option.kind == Kind::kFlag, option.placeholder.empty()) << option.name;
        EXPECT_FALSE(option.help.ends_with('.')) << option.name;
        EXPECT_EQ(find_option(option.name), &option);
        EXPECT_EQ(find_variable(variable_of(option)), &option);
    }
    EXPECT_EQ(find_variable("STEPDOWN_USERS"), nullptr);
    EXPECT_EQ(find_variable("USER"), nullptr);
    EXPECT_EQ(find_option('\0'), nullptr);
}

TEST(Help, IsAsWrittenDown) {
    for (const CommandRow& row : commands()) {
        expect_golden("help-" + std::string(row.name) + ".txt", help_text(row.command));
    }
}

TEST(Help, FitsATerminal) {
    for (const CommandRow& row : commands()) {
        std::istringstream lines(help_text(row.command));
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(line.size(), 80U) << line;
            EXPECT_FALSE(line.ends_with(' ')) << line;
        }
    }
}

TEST(Help, VersionNamesTheProgram) { EXPECT_THAT(version_text(), testing::MatchesRegex("stepdown [0-9].*\n")); }

TEST(Nearest, FindsSlipsAndNothingElse) {
    constexpr std::string_view kNames[] = {"user", "own", "seccomp"};
    EXPECT_EQ(nearest("usr", kNames), "user");
    EXPECT_EQ(nearest("seccmop", kNames), "seccomp");
    EXPECT_EQ(nearest("basket", kNames), "");
    EXPECT_EQ(nearest("", kNames), "");
    EXPECT_EQ(nearest(std::string(100000, 'u'), kNames), "");
}

} // namespace
} // namespace stepdown::cli
