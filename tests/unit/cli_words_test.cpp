#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli_parse.hpp"

namespace stepdown::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Words : public testing::Test {
  protected:
    void SetUp() override { FakeFile::clear(); }
};

std::vector<std::string> paths_of(const Plan& plan) {
    std::vector<std::string> paths;
    for (const SetupStep& step : plan.setup) {
        paths.push_back((step.kind == SetupKind::kOwn ? "own " : "mkdir ") + step.path);
    }
    return paths;
}

TEST_F(Words, NothingWrittenIsTheDefaults) {
    const auto parsed = parse_words({"true"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    Plan defaults;
    defaults.command = {"true"};
    EXPECT_EQ(parsed->plan, defaults);
    EXPECT_EQ(parsed->command, Command::kRun);
}

TEST_F(Words, TheStrongestSourceWins) {
    FakeFile::set("/etc/stepdown.toml", "user = \"file\"\n");
    EXPECT_EQ(parse_words({"x"})->plan.user_spec, "file");
    EXPECT_EQ(parse_words({"x"}, {"STEPDOWN_USER=variable"})->plan.user_spec, "variable");
    const std::vector<Setting> receipt = {{"user", "receipt", {SourceKind::kReceipt, "/run/stepdown.receipt"}}};
    EXPECT_EQ(parse_words({"exec", "x"}, {"STEPDOWN_USER=variable"}, receipt)->plan.user_spec, "receipt");
    EXPECT_EQ(parse_words({"exec", "--user=flag", "x"}, {"STEPDOWN_USER=variable"}, receipt)->plan.user_spec, "flag");
}

TEST_F(Words, SettingsSayWhereTheWinnerWasWritten) {
    FakeFile::set("/etc/stepdown.toml", "# ours\nuser = \"file\"\nseccomp = \"off\"\n");
    const auto parsed = parse_words({"--receipt=off", "x"}, {"STEPDOWN_USER=variable"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    EXPECT_THAT(parsed->plan.settings,
                ElementsAre(Setting{"seccomp", "off", {SourceKind::kFile, "/etc/stepdown.toml:3"}},
                            Setting{"user", "variable", {SourceKind::kEnvironment, "STEPDOWN_USER"}},
                            Setting{"receipt", "off", {SourceKind::kFlag, "--receipt"}}));
}

TEST_F(Words, AListOfAStrongerSourceReplacesAWeakerOnes) {
    FakeFile::set("/etc/stepdown.toml", "own = [\"/file\"]\nmkdir = [\"/made\"]\n");
    EXPECT_THAT(paths_of(parse_words({"x"})->plan), ElementsAre("own /file", "mkdir /made"));
    EXPECT_THAT(paths_of(parse_words({"--own=/flag", "x"})->plan), ElementsAre("mkdir /made", "own /flag"));
}

TEST_F(Words, SetupWorkKeepsTheOrderWritten) {
    EXPECT_THAT(paths_of(parse_words({"--own=/a", "--mkdir", "/b:0700", "--own", "/c", "--mkdir=/d", "x"})->plan),
                ElementsAre("own /a", "mkdir /b", "own /c", "mkdir /d"));
    FakeFile::set("/etc/stepdown.toml", "own = [\n \"/1\",\n \"/2\"]\nmkdir = [\"/3\"]\n");
    EXPECT_THAT(paths_of(parse_words({"x"})->plan), ElementsAre("own /1", "own /2", "mkdir /3"));
    FakeFile::set("/etc/stepdown.toml", "mkdir = [\"/3\"]\nown = [\n \"/1\",\n \"/2\"]\n");
    EXPECT_THAT(paths_of(parse_words({"x"})->plan), ElementsAre("mkdir /3", "own /1", "own /2"));
}

TEST_F(Words, AListInAVariableIsSeparatedByNewlines) {
    EXPECT_THAT(paths_of(parse_words({"x"}, {"STEPDOWN_OWN=/a:b,c\n/d\n"})->plan), ElementsAre("own /a:b,c", "own /d"));
    EXPECT_THAT(paths_of(parse_words({"x"}, {"STEPDOWN_OWN=/a,/b,/c"})->plan),
                ElementsAre("own /a", "own /b", "own /c"));
    EXPECT_THAT(paths_of(parse_words({"--own=/a,/b", "x"})->plan), ElementsAre("own /a,/b")) << "one word is one value";
    for (const char* value :
         {"STEPDOWN_OWN=/a\n\n/b", "STEPDOWN_OWN=\n/a", "STEPDOWN_OWN=/a\n\n", "STEPDOWN_OWN=", "STEPDOWN_OWN=\n"}) {
        EXPECT_THAT(refusal(parse_words({"x"}, {value})), HasSubstr("STEPDOWN_OWN: \"\" is empty")) << value;
    }
}

TEST_F(Words, WhatNeverHasACommaIsSeparatedByThemAnywhere) {
    EXPECT_THAT(parse_words({"--seccomp-deny=@network-listen,socket:AF_INET6", "x"})->plan.seccomp.deny,
                ElementsAre("@network-listen", "socket:AF_INET6"));
    FakeFile::set("/etc/stepdown.toml", "seccomp-deny = [\"@mount,ptrace\", \"mkdir\"]\n");
    EXPECT_THAT(parse_words({"x"})->plan.seccomp.deny, ElementsAre("@mount", "ptrace", "mkdir"));
    EXPECT_THAT(parse_words({"--connect=80,443", "--connect", "53", "x"})->plan.landlock.connect,
                ElementsAre(80, 443, 53));
    EXPECT_THAT(paths_of(parse_words({"--own=/a,b", "x"})->plan), ElementsAre("own /a,b"));
    EXPECT_EQ(refusal(parse_words({"--connect=80,,443", "x"})),
              "--connect: \"\" is empty: give a value or leave the option out");
}

TEST_F(Words, WhatHasACommaIsOneValueInAVariableToo) {
    const auto parsed =
        parse_words({"x"}, {"STEPDOWN_LISTEN=unix:/s,mode=0660\ntcp:0.0.0.0:80,name=web", "STEPDOWN_SECRET=PW=/f,env",
                            "STEPDOWN_ENV=A=a,b\nB=c", "STEPDOWN_BEFORE_DROP=echo a,b", "STEPDOWN_CONNECT=80,443\n53"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    const Plan& plan = parsed->plan;
    ASSERT_EQ(plan.sockets.size(), 2U);
    EXPECT_EQ(plan.sockets[0].mode, 0660U);
    EXPECT_EQ(plan.sockets[1].name, "web");
    EXPECT_TRUE(plan.secrets.at(0).in_environment);
    EXPECT_THAT(plan.environment.changes, ElementsAre(Variable{"A", "a,b"}, Variable{"B", "c"}));
    EXPECT_THAT(plan.hooks.before_drop, ElementsAre("echo a,b"));
    EXPECT_THAT(plan.landlock.connect, ElementsAre(80, 443, 53)) << "what never has one is separated by them";
}

TEST_F(Words, AnEmptyValueIsAnErrorNeverADefault) {
    EXPECT_THAT(refusal(parse_words({"--user=", "x"})), HasSubstr("--user: \"\" is empty"));
    EXPECT_THAT(refusal(parse_words({"--user", "", "x"})), HasSubstr("--user: \"\" is empty"));
    EXPECT_THAT(refusal(parse_words({"--allow-root=", "x"})), HasSubstr("--allow-root: \"\" is empty"));
    EXPECT_THAT(refusal(parse_words({"x"}, {"STEPDOWN_USER="})), HasSubstr("STEPDOWN_USER: \"\" is empty"));
    EXPECT_THAT(refusal(parse_words({"--user=app", "x"}, {"STEPDOWN_USER="})),
                HasSubstr("STEPDOWN_USER: \"\" is empty"))
        << "even if a stronger source has a value";
    FakeFile::set("/etc/stepdown.toml", "user = \"\"\n");
    EXPECT_THAT(refusal(parse_words({"x"})), HasSubstr("/etc/stepdown.toml:1: user: \"\" is empty"));
}

TEST_F(Words, ControlCharactersNeverGetIn) {
    EXPECT_EQ(refusal(parse_words({"--user=a\nb", "x"})),
              "--user: \"a?b\" has a control character where the question mark is");
    FakeFile::set("/etc/stepdown.toml", "receipt = \"/run/\\u0000x\"\n");
    EXPECT_THAT(refusal(parse_words({"x"})), HasSubstr("/etc/stepdown.toml:1: receipt: \"/run/?x\" has a control"));
}

TEST_F(Words, FreeTextMayHaveTabsAndNewlines) {
    FakeFile::set("/etc/stepdown.toml",
                  "before-drop = [\"\"\"set -e\n\techo a\n\"\"\"]\nsetup = [\"d\\t/run/x\\t0750\"]\n");
    const auto parsed = parse_words({"--env=A=1\n\t2", "--before-start=id\nid", "x"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    EXPECT_THAT(parsed->plan.hooks.before_drop, ElementsAre("set -e\n\techo a\n"));
    EXPECT_THAT(parsed->plan.hooks.before_start, ElementsAre("id\nid"));
    EXPECT_THAT(parsed->plan.environment.changes, ElementsAre(Variable{"A", "1\n\t2"}));
    EXPECT_THAT(paths_of(parsed->plan), ElementsAre("mkdir /run/x"));
    EXPECT_EQ(refusal(parse_words({"--setup=d /a\nd /b", "x"})),
              "--setup: \"d /a\\nd /b\" is more than one line: write each as a value of its own");
    EXPECT_THAT(refusal(parse_words({"--env=1\n=2", "x"})), HasSubstr("\"1\\n=2\" does not begin")) << "one line";
    for (const char* const word :
         {"--env=A=\r", "--before-drop=a\x1b", "--setup=d /a\x01", "--own=/a\tb", "--state=a\nb"}) {
        EXPECT_THAT(refusal(parse_words({word, "x"})), HasSubstr("has a control character")) << word;
    }
}

TEST_F(Words, BooleansInEverySpelling) {
    for (const char* yes : {"true", "1", "yes"}) {
        EXPECT_TRUE(parse_words({"x"}, {std::string("STEPDOWN_ALLOW_ROOT=") + yes})->plan.allow_root) << yes;
        EXPECT_FALSE(parse_words({"x"}, {std::string("STEPDOWN_NO_INIT=") + yes})->plan.init) << yes;
        EXPECT_TRUE(parse_words({std::string("--allow-root=") + yes, "x"})->plan.allow_root) << yes;
    }
    for (const char* no : {"false", "0", "no"}) {
        EXPECT_FALSE(parse_words({"x"}, {std::string("STEPDOWN_ALLOW_ROOT=") + no})->plan.allow_root) << no;
        EXPECT_FALSE(parse_words({std::string("--allow-root=") + no, "x"}, {"STEPDOWN_ALLOW_ROOT=1"})->plan.allow_root)
            << no;
    }
    for (const char* neither : {"TRUE", "on", "2", "yes ", "y"}) {
        EXPECT_THAT(refusal(parse_words({"x"}, {std::string("STEPDOWN_ALLOW_ROOT=") + neither})),
                    HasSubstr("STEPDOWN_ALLOW_ROOT: "))
            << neither;
    }
}

TEST_F(Words, AnUnknownVariableIsAnErrorNamingTheNearOne) {
    EXPECT_EQ(refusal(parse_words({"x"}, {"STEPDOWN_USERS=app"})),
              "STEPDOWN_USERS: no option has this variable; did you mean STEPDOWN_USER?");
    EXPECT_EQ(refusal(parse_words({"x"}, {"STEPDOWN_SET_UP_BEST_EFFORT=1"})),
              "STEPDOWN_SET_UP_BEST_EFFORT: no option has this variable; did you mean STEPDOWN_SETUP_BEST_EFFORT?");
    EXPECT_EQ(refusal(parse_words({"x"}, {"STEPDOWN_FRUIT_BASKET=1"})),
              "STEPDOWN_FRUIT_BASKET: no option has this variable; see stepdown --help");
    EXPECT_EQ(refusal(parse_words({"x"}, {"STEPDOWN_=1"})),
              "STEPDOWN_: no option has this variable; see stepdown --help");
    EXPECT_EQ(refusal(parse_words({"x"}, {"STEPDOWN_user=1"})),
              "STEPDOWN_user: no option has this variable; did you mean STEPDOWN_USER?");
    EXPECT_EQ(refusal(parse_words({"plan"}, {"STEPDOWN_CHECK=1"})),
              "STEPDOWN_CHECK: cannot be set by a variable: write --check");
    EXPECT_TRUE(parse_words({"x"}, {"STEPDOWN_VERSION=1.0", "STEPDOW=1", "STEPDOWNS=1", "PATH=/bin"}));
}

TEST_F(Words, WhatIsNotThisCommandsIsLeftAloneInTheEnvironmentAndTheFile) {
    FakeFile::set("/etc/stepdown.toml", "mkdir = [\"/a\"]\n");
    const auto parsed = parse_words({"exec", "x"}, {"STEPDOWN_OWN=/b", "STEPDOWN_USER=app"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    EXPECT_TRUE(parsed->plan.setup.empty());
    EXPECT_EQ(parsed->plan.user_spec, "app");
    EXPECT_TRUE(parse_words({"verify"}, {"STEPDOWN_OWN=/b", "STEPDOWN_USER=app"}));
}

TEST_F(Words, MkdirTakesAModeAfterItsLastColon) {
    const auto mode = [](const std::string& value) {
        return parse_words({"--mkdir=" + value, "x"})->plan.setup.at(0).mode;
    };
    EXPECT_EQ(mode("/a"), std::nullopt);
    EXPECT_EQ(mode("/a:755"), 0755U);
    EXPECT_EQ(mode("/a:3775"), 03775U);
    EXPECT_EQ(mode("/a:03775"), 03775U);
}

TEST_F(Words, BadSetupValuesAreRefusedWithTheirPlace) {
    for (const char* value :
         {"/a:", "/a:9", "/a:75", "/a:000755", "/a:0o755", "/a:u+x", "/a:-755", "/a:b", "/a: 755"}) {
        EXPECT_THAT(refusal(parse_words({std::string("--mkdir=") + value, "x"})),
                    HasSubstr("has no mode of three or four octal"))
            << value;
    }
    for (const char* value : {"a", "./a", "/a/../b", "/a/./b", "/a//b", "/a/", "/", "//", "/..", "~/a"}) {
        EXPECT_THAT(refusal(parse_words({"x"}, {std::string("STEPDOWN_OWN=") + value})),
                    HasSubstr(std::string("STEPDOWN_OWN: \"") + value + "\" "));
        EXPECT_THAT(refusal(parse_words({std::string("--mkdir=") + value + ":0700", "x"})),
                    HasSubstr(std::string("--mkdir: \"") + value + ":0700\" "));
    }
}

TEST_F(Words, ChoicesNameWhatWouldBeRight) {
    EXPECT_EQ(refusal(parse_words({"--log-level=loud", "x"})),
              "--log-level: \"loud\" is not one of error, warn, info, debug");
    EXPECT_EQ(refusal(parse_words({"--seccomp=strictest", "x"})),
              "--seccomp: \"strictest\" is not one of default, strict, off, or an absolute path");
    EXPECT_EQ(parse_words({"--seccomp=strict", "x"})->plan.seccomp.profile, "strict");
    EXPECT_EQ(refusal(parse_words({"--receipt=run/x", "x"})),
              "--receipt: \"run/x\" is not one of auto, off, or an absolute path");
    EXPECT_EQ(parse_words({"--seccomp=/p.json", "x"})->plan.seccomp.profile, "/p.json");
    EXPECT_EQ(parse_words({"--log-level=debug", "--log-format=json", "x"})->plan.log_level, LogLevel::kDebug);
}

TEST_F(Words, VerifysAndPlansOwnOptions) {
    const auto verify = parse_words({"verify", "-q", "--pid", "7", "--format=json", "--receipt=/r"});
    ASSERT_TRUE(verify) << refusal(verify);
    EXPECT_TRUE(verify->report.quiet);
    EXPECT_EQ(verify->report.pid, 7);
    EXPECT_EQ(verify->format, "json");
    EXPECT_EQ(verify->plan.receipt, "/r");
    EXPECT_TRUE(parse_words({"plan", "--check"})->check) << "without a command: an image's build has none to name";
    for (const char* pid : {"0", "-1", "x", "1 ", "+1", "99999999999", "1.5"}) {
        EXPECT_THAT(refusal(parse_words({"verify", "--pid", pid})), HasSubstr("is not a process id")) << pid;
    }
}

TEST_F(Words, ProfileTakesItsOptionsAmongItsWords) {
    const auto compile = parse_words({"profile", "compile", "in.json", "-o", "out.bpf", "--seccomp-lenient"});
    ASSERT_TRUE(compile) << refusal(compile);
    EXPECT_EQ(compile->command, Command::kProfile);
    EXPECT_THAT(compile->plan.command, testing::ElementsAre("compile", "in.json"));
    EXPECT_EQ(compile->report.output, "out.bpf");
    EXPECT_TRUE(compile->plan.seccomp.lenient);
    const auto words = parse_words({"profile", "-o", "x", "show", "--", "--output", "-o"});
    ASSERT_TRUE(words) << refusal(words);
    EXPECT_THAT(words->plan.command, testing::ElementsAre("show", "--output", "-o"));
    EXPECT_THAT(parse_words({"profile"})->plan.command, testing::IsEmpty());
    EXPECT_THAT(refusal(parse_words({"profile", "show", "x", "--user=app"})), HasSubstr("is an option of"));
    EXPECT_EQ(refusal(parse_words({"profile", "show", "x", "-o", "a", "-o", "b"})),
              "--output: given twice, and only one value can be meant");
}

TEST_F(Words, WhatTheAppMayReachIsCheckedAndKept) {
    const auto parsed = parse_words({"--rw=/data", "--exec=/usr", "--ro=/etc", "--connect=443", "--bind=0",
                                     "--scope=signals", "--landlock=require", "--rootfs=ro", "x"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    const Landlock& asked = parsed->plan.landlock;
    EXPECT_THAT(asked.files, testing::UnorderedElementsAre(FileGrant{FileGrantKind::kWrite, "/data"},
                                                           FileGrant{FileGrantKind::kExecute, "/usr"},
                                                           FileGrant{FileGrantKind::kRead, "/etc"}));
    EXPECT_THAT(asked.connect, testing::ElementsAre(443));
    EXPECT_THAT(asked.bind, testing::ElementsAre(0));
    EXPECT_TRUE(asked.scope_signals && !asked.scope_abstract_sockets && asked.read_only_root);
    EXPECT_EQ(asked.mode, LandlockMode::kRequire);
    EXPECT_FALSE(parse_words({"x"})->plan.landlock.restricts_anything());
    for (const char* port : {"65536", "-1", "http", "80 ", "0x50"}) {
        EXPECT_THAT(refusal(parse_words({"--connect", port, "x"})), HasSubstr("is no TCP port"));
        EXPECT_THAT(refusal(parse_words({"--bind", port, "x"})), HasSubstr("is no TCP port"));
    }
    EXPECT_THAT(refusal(parse_words({"--scope=all", "x"})), HasSubstr("is not one of abstract, signals"));
    EXPECT_THAT(refusal(parse_words({"--ro=etc", "x"})), HasSubstr("--ro: \"etc\" "));
}

TEST_F(Words, HelpAndVersionWorkWhateverElseIsWrong) {
    EXPECT_EQ(parse_words({"--help"}, {"STEPDOWN_FRUIT=1"})->show, Show::kHelp);
    EXPECT_EQ(parse_words({"verify", "-h"})->command, Command::kVerify);
    EXPECT_EQ(parse_words({"--user=x", "--version"}, {"STEPDOWN_USER="})->show, Show::kVersion);
}

TEST_F(Words, TheCommandMustBeThereWhereOneIsTaken) {
    EXPECT_THAT(refusal(parse_words({})), HasSubstr("no command: "));
    EXPECT_THAT(refusal(parse_words({"--user=app", "--"})), HasSubstr("no command: "));
    EXPECT_THAT(refusal(parse_words({"exec"})), HasSubstr("no command: "));
    EXPECT_THAT(refusal(parse_words({""})), HasSubstr("the command is an empty word"));
    EXPECT_EQ(refusal(parse_words({"verify", "x"})), "x: stepdown verify takes no command");
}

TEST_F(Words, EveryValueIsShownWithItsSource) {
    const auto parsed = parse_words({"plan", "--own=/a", "--own=/b", "x"}, {"STEPDOWN_USER=app"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    const std::vector<Setting> all = effective_settings(parsed->plan, Command::kRun);
    EXPECT_THAT(all, testing::Contains(Setting{"user", "app", {SourceKind::kEnvironment, "STEPDOWN_USER"}}));
    EXPECT_THAT(all, testing::Contains(Setting{"own", "/a", {SourceKind::kFlag, "--own"}}));
    EXPECT_THAT(all, testing::Contains(Setting{"own", "/b", {SourceKind::kFlag, "--own"}}));
    EXPECT_THAT(all, testing::Contains(Setting{"seccomp", "default", {}}));
    EXPECT_THAT(all, testing::Not(testing::Contains(testing::Field(&Setting::name, "mkdir"))));
}

TEST_F(Words, AReceiptOfAnotherVersionIsRefused) {
    const std::vector<Setting> receipt = {{"frobnicate", "1", {SourceKind::kReceipt, "/run/r"}}};
    EXPECT_THAT(refusal(parse_words({"exec", "x"}, {}, receipt)), HasSubstr("/run/r: frobnicate: no such option"));
}

} // namespace
} // namespace stepdown::cli
