#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli_parse.hpp"

namespace stepdown::cli {
namespace {

using testing::ElementsAre;

class CommandLine : public testing::Test {
  protected:
    void SetUp() override { FakeFile::clear(); }
};

Which which(std::vector<const char*> argv) { return which_command(static_cast<int>(argv.size()), argv.data()); }

TEST_F(CommandLine, TheFirstWordDecidesTheCommand) {
    for (const CommandRow& row : commands()) {
        const Which found = which({"stepdown", row.name.data()});
        EXPECT_EQ(found.command, row.command) << row.name;
        EXPECT_EQ(found.next, 2) << row.name;
    }
    EXPECT_EQ(which({"stepdown"}).command, Command::kRun);
    EXPECT_EQ(which({}).next, 0) << "execve allows an empty argv";
    EXPECT_EQ(which({"stepdown", "nginx"}).next, 1);
    EXPECT_EQ(which({"stepdown", "plans"}).command, Command::kRun);
}

TEST_F(CommandLine, AProgramMayHaveTheNameOfACommand) {
    const auto parsed = parse_words({"--", "plan", "--check"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    EXPECT_EQ(parsed->command, Command::kRun);
    EXPECT_THAT(parsed->plan.command, ElementsAre("plan", "--check"));
    EXPECT_THAT(parse_words({"--user=app", "verify"})->plan.command, ElementsAre("verify"));
    EXPECT_THAT(parse_words({"run", "run"})->plan.command, ElementsAre("run"));
}

TEST_F(CommandLine, OptionsStopAtTheFirstWordThatIsNone) {
    const auto parsed = parse_words({"--user=app", "nginx", "-g", "daemon off;", "--user=root", "--help", "--"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    EXPECT_EQ(parsed->plan.user_spec, "app");
    EXPECT_THAT(parsed->plan.command, ElementsAre("nginx", "-g", "daemon off;", "--user=root", "--help", "--"));
    EXPECT_THAT(parse_words({"--", "--help"})->plan.command, ElementsAre("--help"));
    EXPECT_THAT(parse_words({"--", "--", "x"})->plan.command, ElementsAre("--", "x"));
    EXPECT_THAT(parse_words({"-", "x"})->plan.command, ElementsAre("-", "x"));
    EXPECT_THAT(parse_words({"x", "", "y"})->plan.command, ElementsAre("x", "", "y"));
}

TEST_F(CommandLine, WordsOfAMergeAreFilesAndOptionsMayFollowThem) {
    const auto merged = parse_words({"record", "--merge", "a.json", "b.json", "-o", "c.json"});
    ASSERT_TRUE(merged) << refusal(merged);
    EXPECT_TRUE(merged->merge);
    EXPECT_EQ(merged->report.output, "c.json");
    EXPECT_THAT(merged->plan.command, ElementsAre("a.json", "b.json"));
    const auto app = parse_words({"record", "-o", "c.json", "app", "--merge", "-o"});
    ASSERT_TRUE(app) << refusal(app);
    EXPECT_FALSE(app->merge);
    EXPECT_THAT(app->plan.command, ElementsAre("app", "--merge", "-o"));
}

TEST_F(CommandLine, AValueMayStandBehindOrBeside) {
    EXPECT_EQ(parse_words({"--user", "app", "x"})->plan.user_spec, "app");
    EXPECT_EQ(parse_words({"--user=app", "x"})->plan.user_spec, "app");
    EXPECT_EQ(parse_words({"--user=a=b", "x"})->plan.user_spec, "a=b");
    EXPECT_EQ(parse_words({"--user", "--allow-root", "x"})->plan.user_spec, "--allow-root")
        << "an option takes its value blindly";
    EXPECT_EQ(parse_words({"--user", "--", "x"})->plan.user_spec, "--");
    EXPECT_EQ(parse_words({"--user", "[a,b]", "x"})->plan.user_spec, "[a,b]");
    EXPECT_EQ(parse_words({"--user", "{}", "x"})->plan.user_spec, "{}");
    EXPECT_EQ(parse_words({"--user", "\"app\"", "x"})->plan.user_spec, "\"app\"");
    EXPECT_EQ(parse_words({"--user", "++", "x"})->plan.user_spec, "++");
}

TEST_F(CommandLine, AMissingValueSaysWhichWouldBeRight) {
    EXPECT_EQ(refusal(parse_words({"--user"})), "--user: the value is missing: --user=USER[:GROUP]");
    EXPECT_EQ(refusal(parse_words({"--allow-root", "--own"})),
              "--own: the value is missing: --own=PATH[:DIRMODE:FILEMODE]");
}

TEST_F(CommandLine, OneValueCannotBeGivenTwice) {
    EXPECT_EQ(refusal(parse_words({"--user=a", "--user=b", "x"})),
              "--user: given twice, and only one value can be meant");
    EXPECT_EQ(refusal(parse_words({"--allow-root", "--allow-root=no", "x"})),
              "--allow-root: given twice, and only one value can be meant");
    EXPECT_EQ(refusal(parse_words({"verify", "-q", "--quiet"})),
              "--quiet: given twice, and only one value can be meant");
}

TEST_F(CommandLine, AnUnknownOptionNamesTheNearest) {
    EXPECT_EQ(refusal(parse_words({"--uesr=app", "x"})), "--uesr: no such option; did you mean --user?");
    EXPECT_EQ(refusal(parse_words({"--noinit", "x"})), "--noinit: no such option; did you mean --no-init?");
    EXPECT_EQ(refusal(parse_words({"--user=app", "--frobnicate", "x"})),
              "--frobnicate: no such option; see stepdown run --help");
    EXPECT_EQ(refusal(parse_words({"-u", "app", "x"})), "-u: no such option; see stepdown run --help");
    EXPECT_EQ(refusal(parse_words({"-qh"})), "-qh: no such option; see stepdown run --help");
    EXPECT_EQ(refusal(parse_words({"--us", "app"})), "--us: no such option; did you mean --user?")
        << "no abbreviations";
    EXPECT_EQ(refusal(parse_words({"---user=a", "x"})), "---user: no such option; did you mean --user?");
    EXPECT_EQ(refusal(parse_words({"--=x"})), "--: no such option; see stepdown run --help");
    EXPECT_EQ(refusal(parse_words({"--USER=a", "x"})), "--USER: no such option; see stepdown run --help");
}

TEST_F(CommandLine, AnOptionOfAnotherCommandSaysWhose) {
    EXPECT_EQ(refusal(parse_words({"verify", "--own=/a"})),
              "--own: is an option of run and plan and check-image and record, not of verify");
    EXPECT_EQ(refusal(parse_words({"exec", "--mkdir=/a", "x"})),
              "--mkdir: is an option of run and plan and check-image and record, not of exec");
    EXPECT_EQ(refusal(parse_words({"--check", "x"})), "--check: is an option of plan, not of run");
    EXPECT_EQ(refusal(parse_words({"-q", "x"})), "-q: is an option of verify and selftest and check-image, not of run");
}

} // namespace
} // namespace stepdown::cli
