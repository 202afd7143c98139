#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include "cli_parse.hpp"
#include "plan/digest.hpp"
#include "plan/explain.hpp"

namespace stepdown {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Plan plan_of(std::vector<std::string> words) {
    words.push_back("true");
    const auto parsed = parse_words(words);
    EXPECT_TRUE(parsed) << parsed.error().line;
    return parsed ? parsed->plan : Plan();
}

TEST(ProcessOptions, AreWhatTheAppInherits) {
    const Plan plan =
        plan_of({"--umask=0027", "--rlimit=nofile=1024:4096", "--rlimit=core=0", "--nice=-5", "--oom-score-adj=500",
                 "--cwd=/", "--keep-fd=9", "--keep-fd=4", "--own-stdio", "--rlimit=nproc=10:unlimited"});
    EXPECT_EQ(plan.process.umask, 027U);
    EXPECT_THAT(plan.process.limits,
                ElementsAre(ResourceLimit{RLIMIT_NOFILE, 1024, 4096}, ResourceLimit{RLIMIT_CORE, 0, 0},
                            ResourceLimit{RLIMIT_NPROC, 10, RLIM_INFINITY}));
    EXPECT_EQ(plan.process.nice, -5);
    EXPECT_EQ(plan.process.oom_score_adj, 500);
    EXPECT_EQ(plan.process.directory, "/");
    EXPECT_THAT(plan.process.keep_fds, ElementsAre(4, 9));
    EXPECT_TRUE(plan.process.own_stdio);
    EXPECT_NE(plan::canonical_text(plan), plan::canonical_text(Plan()));
}

TEST(ProcessOptions, ChangeTheEnvironmentInTheOrderWritten) {
    const Plan plan =
        plan_of({"--env=A=1", "--unset=B", "--env=C=", "--env-file=/etc/e", "--clear-env", "--keep-env=TZ"});
    EXPECT_THAT(plan.environment.changes,
                ElementsAre(Variable{"A", "1"}, Variable{"B", std::nullopt}, Variable{"C", ""}));
    EXPECT_THAT(plan.environment.files, ElementsAre("/etc/e"));
    EXPECT_TRUE(plan.environment.clear);
    EXPECT_THAT(plan.environment.keep, ElementsAre("TZ"));
}

TEST(ProcessOptions, FoldersAreMadeAndExported) {
    const Plan plan = plan_of({"--state=app", "--state=app/more", "--runtime=app"});
    EXPECT_THAT(plan.environment.changes, ElementsAre(Variable{"STATE_DIRECTORY", "/var/lib/app:/var/lib/app/more"},
                                                      Variable{"RUNTIME_DIRECTORY", "/run/app"}));
    ASSERT_EQ(plan.setup.size(), 6U);
    EXPECT_EQ(plan.setup[1].kind, SetupKind::kMakeDirectory);
    EXPECT_EQ(plan.setup[1].path, "/var/lib/app");
}

TEST(ProcessOptions, BadValuesAreRefusedWithWhatWouldBeRight) {
    const struct {
        const char* word;
        const char* says;
    } rows[] = {
        {"--umask=22", "three or four octal digits"},
        {"--umask=8888", "octal"},
        {"--umask=7777", "octal"},
        {"--rlimit=nofile", "NAME=SOFT[:HARD]"},
        {"--rlimit=files=1", "nofile"},
        {"--rlimit=nofile=2:1", "not above the hard one"},
        {"--rlimit=nofile=-1", "numbers or unlimited"},
        {"--rlimit=nofile=1:", "numbers or unlimited"},
        {"--nice=20", "from -20 to 19"},
        {"--oom-score-adj=1001", "from -1000 to 1000"},
        {"--cwd=data", "not an absolute path"},
        {"--keep-fd=2", "from 3"},
        {"--env=A", "NAME=VALUE"},
        {"--env=1A=2", "variable's name"},
        {"--unset=A=1", "variable's name"},
        {"--keep-cap=net_bind", "capabilities(7)"},
        {"--groups=a,,b", "empty name"},
        {"--groups=a,", "empty name"},
        {"--groups=keep,clear", "clear in a list"},
        {"--state=a:b", "has a colon"},
        {"--user-env=PUID:", "names no variables"},
        {"--user-env=1:2", "names no variables"},
        {"--user-from=data", "not an absolute path"},
        {"--passwd-entry=a:b", "no name for an account"},
        {"--passwd-entry=-a", "no name for an account"},
        {"--state=../etc", "component . or .."},
        {"--own-policy=never", "mismatch, root-mismatch, always, skip"},
        {"--own-allow=all", "read-only, no-chown, immutable"},
        {"--setup=x /tmp", "keeps files from being cleaned"},
    };
    for (const auto& [word, says] : rows) {
        EXPECT_THAT(refusal(parse_words({word, "true"})), HasSubstr(says)) << word;
    }
}

TEST(ProcessOptions, AFoldersVariableIsSetByOneOfTheTwo) {
    for (const auto& words : {std::vector<std::string>{"--env=CACHE_DIRECTORY=/opt", "--cache=a", "true"},
                              std::vector<std::string>{"--cache=a", "--env=CACHE_DIRECTORY=/opt", "true"}}) {
        EXPECT_THAT(refusal(parse_words(words)), HasSubstr(": leave one out"));
    }
    EXPECT_TRUE(parse_words({"--env=CACHE_DIRECTORY=/opt", "--state=a", "true"}));
}

TEST(ProcessOptions, VarRunIsRunAsImagesHaveIt) {
    const Plan plan =
        plan_of({"--mkdir=/var/run/pg:3775", "--own=/var/run/pg:0750:0640", "--listen=unix:/var/run/s,mode=0660",
                 "--secrets-dir=/var/run/secrets", "--mkdir=/var/runner"});
    EXPECT_EQ(plan.setup.at(0).path, "/run/pg");
    EXPECT_EQ(plan.setup.at(1).path, "/run/pg");
    EXPECT_EQ(plan.setup.at(2).path, "/var/runner");
    EXPECT_EQ(plan.sockets.at(0).address, "/run/s");
    EXPECT_EQ(plan.secrets_directory, "/run/secrets");
}

TEST(ProcessOptions, TheStartsGroupsAndOthersAreAList) {
    const Groups groups = plan_of({"--groups=passwd,keep,video,44"}).groups;
    EXPECT_TRUE(groups.passwd);
    EXPECT_TRUE(groups.keep);
    EXPECT_EQ(groups.names, (std::vector<std::string>{"video", "44"}));
    EXPECT_FALSE(plan_of({"--groups=clear"}).groups.are_asked_for());
}

TEST(ProcessOptions, PlanTellsThemWithoutValues) {
    const Plan plan =
        plan_of({"--env=TOKEN=hunter2", "--umask=077", "--groups=keep", "--keep-cap=chown", "--cwd=/srv"});
    std::string told;
    for (const PlanStep& step : plan::explain(plan)) {
        told += step.action + "\n";
    }
    EXPECT_THAT(told, HasSubstr("set TOKEN\n"));
    EXPECT_THAT(told, testing::Not(HasSubstr("hunter2")));
    EXPECT_THAT(told, HasSubstr("set the umask to 0077"));
    EXPECT_THAT(told, HasSubstr("less group 0"));
    EXPECT_THAT(told, HasSubstr("cut the bounding set to chown"));
    EXPECT_THAT(told, HasSubstr("go to /srv"));
}

} // namespace
} // namespace stepdown
