#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/capability.h>

#include "drop/drop.hpp"
#include "plan/capability_names.hpp"
#include "plan/environment.hpp"
#include "plan/groups.hpp"
#include "plan/wanted.hpp"
#include "unit/recording_kernel.hpp"

namespace stepdown::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t bit(unsigned capability) { return std::uint64_t{1} << capability; }

constexpr const char* kGroups = "root:x:0:app\n"
                                "adm:x:4:syslog,app\n"
                                "tape:x:26:\n"
                                "audio:x:29:pulse,application,app\n"
                                "broken:x:nan:app\n";

Plan plan_with(Groups groups) {
    Plan plan;
    plan.identity = Identity{.uid = 1000, .gid = 1000, .user_name = "app"};
    plan.groups = std::move(groups);
    return plan;
}

Facts root_with(std::uint64_t held, std::vector<std::uint32_t> groups) {
    Facts facts;
    facts.uid = all_four(0);
    facts.gid = all_four(0);
    facts.groups = std::move(groups);
    facts.capabilities = {.inheritable = 0, .permitted = held, .effective = held, .bounding = held, .ambient = 0};
    facts.securebits = 0;
    facts.no_new_privs = false;
    return facts;
}

constexpr std::uint64_t kDocker = 0xa80425fb;
const Source kFlag = {SourceKind::kFlag, "--groups"};

TEST(Groups, PasswdIsTheGroupFilesMembershipsLessRoots) {
    Plan plan = plan_with({.passwd = true, .names = {}, .ids = {}});
    ASSERT_TRUE(resolve_groups(plan, kGroups, kFlag));
    EXPECT_THAT(plan.groups.ids, ElementsAre(4, 29));
    plan.allow_root = true;
    ASSERT_TRUE(resolve_groups(plan, kGroups, kFlag));
    EXPECT_THAT(plan.groups.ids, ElementsAre(0, 4, 29));
    plan.identity->user_name.clear(); // a number without an account is in no list
    ASSERT_TRUE(resolve_groups(plan, kGroups, kFlag));
    EXPECT_THAT(plan.groups.ids, IsEmpty());
}

TEST(Groups, AListIsNamesAndNumbersEachOnce) {
    Plan plan = plan_with({.names = {"tape", "4", "adm", "12345"}, .ids = {}});
    ASSERT_TRUE(resolve_groups(plan, kGroups, kFlag));
    EXPECT_THAT(plan.groups.ids, ElementsAre(4, 26, 12345));
}

TEST(Groups, AListRefusesRootUnknownNamesAndWhatOnlyLooksLikeANumber) {
    for (const char* const name : {"root", "0", "nobody", "broken", "4294967295", "04", "99999999999"}) {
        Plan plan = plan_with({.names = {name}, .ids = {}});
        const auto resolved = resolve_groups(plan, kGroups, kFlag);
        ASSERT_FALSE(resolved) << name;
        EXPECT_EQ(resolved.error().code, ExitCode::kUsage);
        EXPECT_THAT(resolved.error().line, HasSubstr("--groups: \"" + std::string(name) + "\""));
    }
}

TEST(Groups, AreWantedAsTheRuleHasThem) {
    const Facts before = root_with(kDocker, {0, 1, 27});
    EXPECT_THAT(*wanted(plan_with({}), before)->groups, IsEmpty());
    EXPECT_THAT(*wanted(plan_with({.keep = true, .names = {}, .ids = {}}), before)->groups, ElementsAre(1, 27));
    EXPECT_THAT(*wanted(plan_with({.names = {"4", "29"}, .ids = {4, 29}}), before)->groups, ElementsAre(4, 29));
    EXPECT_THAT(*wanted(plan_with({.keep = true, .names = {"4", "27"}, .ids = {4, 27}}), before)->groups,
                ElementsAre(1, 4, 27))
        << "all together, each once, and never root's";
}

TEST(Groups, WithoutSetgidOnlyThoseOfTheStartCanBe) {
    const Facts before = root_with(kDocker & ~bit(CAP_SETGID), {4, 29});
    Plan plan = plan_with({.names = {"4", "29"}, .ids = {4, 29}});
    plan.identity->gid = 0;
    plan.allow_root = true;
    EXPECT_TRUE(wanted(plan, before)) << "they are as wanted";
    plan.groups.ids = {4};
    const auto facts = wanted(plan, before);
    ASSERT_FALSE(facts);
    EXPECT_THAT(facts.error().line, HasSubstr("CAP_SETGID is missing"));
}

TEST(KeptCapabilities, AreAllThatAnySetHas) {
    Plan plan = plan_with({});
    plan.kept_capabilities = bit(CAP_NET_BIND_SERVICE);
    const auto facts = wanted(plan, root_with(kDocker, {}));
    ASSERT_TRUE(facts) << facts.error().line;
    const std::uint64_t kept = plan.kept_capabilities;
    EXPECT_EQ(facts->capabilities, (CapabilitySets{kept, kept, kept, kept, kept}));
    EXPECT_EQ(facts->securebits, kLockedSecurebits);
}

TEST(KeptCapabilities, MustBeThereAtTheStart) {
    Plan plan = plan_with({});
    plan.kept_capabilities = bit(CAP_NET_ADMIN);
    const auto facts = wanted(plan, root_with(kDocker, {}));
    ASSERT_FALSE(facts);
    EXPECT_EQ(facts.error().code, ExitCode::kDrop);
    EXPECT_THAT(facts.error().line, HasSubstr("cannot keep net_admin"));
    EXPECT_THAT(facts.error().line, HasSubstr("--cap-add=net_admin"));
}

TEST(KeptCapabilities, AreRaisedBeforeTheSecurebitsForbidIt) {
    stepdown::testing::RecordingKernel kernel;
    Plan plan = plan_with({});
    plan.kept_capabilities = bit(10);
    const Facts before = root_with(bit(10) | bit(CAP_SETPCAP) | bit(CAP_SETUID) | bit(CAP_SETGID), {});
    ASSERT_TRUE(drop::step_down(kernel, before, *wanted(plan, before)));
    EXPECT_THAT(kernel.calls,
                ElementsAre("close_from 3", "clear_ambient", "set_capabilities", "raise_ambient 10", "drop_bounding 6",
                            "drop_bounding 7", "drop_bounding 8", "set_securebits 239", "set_gid 1000", "set_uid 1000",
                            "set_capabilities", "set_no_new_privs", "set_dumpable"));
}

TEST(KeptDescriptors, AreTheOnlyOnesLeftOpen) {
    const auto calls_for = [](std::vector<int> kept) {
        stepdown::testing::RecordingKernel kernel;
        const Facts same = root_with(0, {});
        EXPECT_TRUE(drop::step_down(kernel, same, same, kept));
        std::erase_if(kernel.calls, [](const std::string& call) { return !call.starts_with("close"); });
        return kernel.calls;
    };
    EXPECT_THAT(calls_for({}), ElementsAre("close_from 3"));
    EXPECT_THAT(calls_for({3, 4}), ElementsAre("close_from 5"));
    EXPECT_THAT(calls_for({4, 9}), ElementsAre("close_between 3 3", "close_between 5 8", "close_from 10"));
}

TEST(CapabilityNames, AreThoseOfTheManualPageOrNumbers) {
    EXPECT_EQ(capability_number("net_bind_service"), 10U);
    EXPECT_EQ(capability_number("CAP_NET_BIND_SERVICE"), 10U);
    EXPECT_EQ(capability_number("63"), 63U);
    for (const char* const word : {"64", "-1", "all", "net bind", "cap_"}) {
        EXPECT_EQ(capability_number(word), std::nullopt) << word;
    }
    EXPECT_EQ(capability_names(bit(0) | bit(10) | bit(63)), "chown, net_bind_service, 63");
}

std::vector<std::string> entries_of(const Environment& environment) {
    return {environment.entries.begin(), environment.entries.end() - 1};
}

TEST(EnvironmentRules, ChangeWhatIsInheritedInOrder) {
    const char* const old[] = {"PATH=/bin", "A=1", "HOME=/root", "A=2", nullptr};
    const Variable changes[] = {{"A", "3"}, {"B", ""}, {"PATH", std::nullopt}, {"HOME", "/data"}, {"B", "x=y"}};
    const Identity app{.uid = 7, .gid = 7, .user_name = "app", .home = "/home/app"};
    EXPECT_THAT(entries_of(app_environment(old, app, {}, changes)),
                ElementsAre("USER=app", "LOGNAME=app", "SHELL=/bin/sh", "A=3", "HOME=/data", "B=x=y"));
}

TEST(EnvironmentRules, ClearLeavesWhatIsKeptAndTheUsers) {
    const char* const old[] = {"PATH=/bin", "SECRET=1", "TZ=UTC", "HOME=/root", nullptr};
    EnvironmentRules rules{.clear = true, .keep = {"PATH", "TZ"}, .files = {}, .changes = {}};
    const Identity app{.uid = 7, .gid = 7, .user_name = "app", .home = "/home/app"};
    EXPECT_THAT(entries_of(app_environment(old, app, rules, {})),
                ElementsAre("PATH=/bin", "TZ=UTC", "HOME=/home/app", "USER=app", "LOGNAME=app", "SHELL=/bin/sh"));
}

TEST(ReadVariables, AreLinesWithAnEqualsSign) {
    const auto read = read_variables("# comment\n\nA=1\n  B=two words \nC=\r\nD=a=b#c", "/e");
    ASSERT_TRUE(read) << read.error().line;
    EXPECT_THAT(
        *read, ElementsAre(Variable{"A", "1"}, Variable{"B", "two words "}, Variable{"C", ""}, Variable{"D", "a=b#c"}));
    const auto docker = read_variables("\xef\xbb\xbfmy.var=1\nA-B=2\n1=3\nBARE\n", "/e");
    ASSERT_TRUE(docker) << docker.error().line;
    EXPECT_THAT(*docker, ElementsAre(Variable{"my.var", "1"}, Variable{"A-B", "2"}, Variable{"1", "3"},
                                     Variable{"BARE", std::nullopt}));
}

TEST(ReadVariables, SayTheLineAndNeverAValue) {
    for (const char* const text : {"A=1\n=hunter2", "A=1\n A B=hunter2", "A=1\nexport A=hunter2"}) {
        const auto read = read_variables(text, "/e");
        ASSERT_FALSE(read) << text;
        EXPECT_THAT(read.error().line, HasSubstr("/e:2: "));
        EXPECT_THAT(read.error().line, ::testing::Not(HasSubstr("hunter2")));
    }
}

} // namespace
} // namespace stepdown::plan
