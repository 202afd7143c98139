#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/capability.h>
#include <linux/securebits.h>

#include "plan/wanted.hpp"

namespace stepdown::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kDocker = 0xa80425fb; // what an engine gives root by default

constexpr std::uint64_t bit(unsigned capability) { return std::uint64_t{1} << capability; }

Facts facts_of(std::uint32_t uid, std::uint32_t gid, std::uint64_t held, std::uint64_t bounding,
               std::vector<std::uint32_t> groups) {
    Facts facts;
    facts.uid = all_four(uid);
    facts.gid = all_four(gid);
    facts.groups = std::move(groups);
    facts.capabilities = {.inheritable = 0, .permitted = held, .effective = held, .bounding = bounding, .ambient = 0};
    facts.securebits = 0;
    facts.no_new_privs = false;
    facts.seccomp_mode = 2;
    facts.seccomp_filters = 1;
    return facts;
}

Facts docker_root(std::uint64_t capabilities = kDocker) {
    return facts_of(0, 0, capabilities, capabilities, {0, 1, 2, 6});
}
Facts docker_user(std::uint32_t uid, std::uint32_t gid, std::uint64_t bounding = kDocker) {
    return facts_of(uid, gid, 0, bounding, {});
}

Plan plan_of(uid_t uid, gid_t gid) {
    Plan plan;
    plan.identity = Identity{.uid = uid, .gid = gid, .user_name = {}};
    return plan;
}

Plan unnamed(bool allow_root = false) {
    Plan plan;
    plan.allow_root = allow_root;
    return plan;
}

std::string refused(const Plan& plan, const Facts& before, ExitCode code) {
    const auto facts = wanted(plan, before);
    EXPECT_FALSE(facts);
    if (facts) {
        return {};
    }
    EXPECT_EQ(facts.error().code, code) << facts.error().line;
    return facts.error().line;
}

TEST(Wanted, ALockedSecurebitsIsWhatTheManualPageSays) {
    EXPECT_EQ(kLockedSecurebits,
              (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
               SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED));
}

TEST(Wanted, RootStepsDownToTheUserNamed) {
    const auto facts = wanted(plan_of(1000, 1001), docker_root());
    ASSERT_TRUE(facts) << facts.error().line;
    Facts expected;
    expected.uid = all_four(1000);
    expected.gid = all_four(1001);
    expected.groups.emplace();
    expected.capabilities.emplace();
    expected.securebits = 0xef;
    expected.no_new_privs = true;
    expected.seccomp_mode = 2;
    expected.seccomp_filters = 1;
    EXPECT_EQ(*facts, expected);
}

TEST(Wanted, RootWithoutAUserNamedIsRefused) {
    EXPECT_THAT(refused(unnamed(), docker_root(), ExitCode::kUsage), HasSubstr("no user named: "));
    EXPECT_THAT(refused(unnamed(), docker_root(0), ExitCode::kUsage), HasSubstr("no user named: "));
    Facts half = docker_user(1000, 1000);
    half.uid = FourIds{1000, 1000, 0, 1000};
    EXPECT_THAT(refused(unnamed(), half, ExitCode::kUsage), HasSubstr("no user named: "))
        << "a saved uid 0 is root too";
}

TEST(Wanted, RootThatWasNamedAndNotAllowedIsRefusedHereToo) {
    EXPECT_THAT(refused(plan_of(0, 0), docker_root(), ExitCode::kUsage), HasSubstr("uid 0"));
    EXPECT_THAT(refused(plan_of(1000, 0), docker_root(), ExitCode::kUsage), HasSubstr("gid 0"));
}

TEST(Wanted, RootThatIsAllowedKeepsItsUidAndNothingElse) {
    const auto facts = wanted(unnamed(true), docker_root());
    ASSERT_TRUE(facts) << facts.error().line;
    EXPECT_EQ(facts->uid, all_four(0));
    EXPECT_EQ(facts->gid, all_four(0));
    EXPECT_THAT(*facts->groups, IsEmpty());
    EXPECT_EQ(facts->capabilities, CapabilitySets{});
    EXPECT_EQ(facts->securebits, 0xefU);
}

TEST(Wanted, AllowedRootWithoutAnyCapabilityHasNothingToLose) {
    const auto facts = wanted(unnamed(true), docker_root(0));
    ASSERT_TRUE(facts) << facts.error().line;
    EXPECT_EQ(facts->securebits, 0U) << "only CAP_SETPCAP could change them";
    EXPECT_THAT(refused(unnamed(true), facts_of(0, 0, 0, kDocker, {}), ExitCode::kDrop), HasSubstr("CAP_SETPCAP"))
        << "uid 0 could win the bounding set back";
}

TEST(Wanted, AnUnprivilegedStartKeepsWhatItMayNotChange) {
    for (const Plan& plan : {unnamed(), plan_of(1000, 1000)}) {
        Facts before = docker_user(1000, 1000);
        before.groups = {4, 27};
        before.capabilities->inheritable = kDocker; // as older engines gave
        ASSERT_TRUE(already_unprivileged(plan, before));
        const auto facts = wanted(plan, before);
        ASSERT_TRUE(facts) << facts.error().line;
        Facts expected = before;
        expected.capabilities =
            CapabilitySets{.inheritable = 0, .permitted = 0, .effective = 0, .bounding = kDocker, .ambient = 0};
        expected.no_new_privs = true;
        EXPECT_EQ(*facts, expected);
    }
}

TEST(Wanted, AnUnprivilegedStartCannotBecomeSomebodyElse) {
    EXPECT_EQ(
        refused(plan_of(2000, 2000), docker_user(1000, 1000), ExitCode::kDrop),
        "cannot step down to 2000:2000: CAP_SETUID, CAP_SETGID, CAP_SETPCAP are missing; start the container with "
        "--cap-add=SETUID --cap-add=SETGID --cap-add=SETPCAP, or unprivileged with --user 2000:2000");
    EXPECT_THAT(refused(plan_of(1000, 2000), docker_user(1000, 1000), ExitCode::kDrop),
                HasSubstr("CAP_SETGID, CAP_SETPCAP are"));
}

TEST(Wanted, EachMissingCapabilityIsNamedAlone) {
    struct Case {
        unsigned capability;
        const char* name;
    };
    for (const auto& [capability, name] :
         {Case{CAP_SETUID, "CAP_SETUID"}, Case{CAP_SETGID, "CAP_SETGID"}, Case{CAP_SETPCAP, "CAP_SETPCAP"}}) {
        const std::string line = refused(plan_of(1000, 1000), docker_root(kDocker & ~bit(capability)), ExitCode::kDrop);
        EXPECT_EQ(line, std::string("cannot step down to 1000:1000: ") + name +
                            " is missing; start the container with --cap-add=" + (name + 4) +
                            ", or unprivileged with --user 1000:1000");
    }
    EXPECT_TRUE(wanted(plan_of(1000, 1000), docker_root(bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_SETPCAP))));
    EXPECT_THAT(refused(plan_of(1000, 1000), docker_root(0), ExitCode::kDrop),
                HasSubstr("CAP_SETUID, CAP_SETGID, CAP_SETPCAP"));
}

TEST(Wanted, OnlyAnEffectiveCapabilityCounts) {
    Facts before = docker_root();
    before.capabilities->effective = 0;
    EXPECT_THAT(refused(plan_of(1000, 1000), before, ExitCode::kDrop), HasSubstr("CAP_SETUID"));
}

TEST(Wanted, GroupsThatCannotBeClearedAreRefusedForANamedUser) {
    const std::uint64_t without_setgid = kDocker & ~bit(CAP_SETGID);
    const Facts before = facts_of(0, 1000, without_setgid, without_setgid, {4});
    EXPECT_THAT(refused(plan_of(1000, 1000), before, ExitCode::kDrop), HasSubstr("CAP_SETGID is missing"));
    Facts none = before;
    none.groups->clear();
    EXPECT_TRUE(wanted(plan_of(1000, 1000), none)) << "nothing to clear, and the gid is right";
    EXPECT_THAT(*wanted(unnamed(true), before)->groups, ElementsAre(4)) << "nobody named: they stay";
}

TEST(Wanted, AUidWithACapabilityIsNotUnprivileged) {
    const std::uint64_t held = bit(CAP_NET_BIND_SERVICE);
    EXPECT_THAT(refused(unnamed(), facts_of(1000, 1000, held, held, {}), ExitCode::kDrop),
                HasSubstr("CAP_SETPCAP is missing"));
    const auto facts = wanted(unnamed(), facts_of(1000, 1000, bit(CAP_SETPCAP), bit(CAP_SETPCAP), {}));
    ASSERT_TRUE(facts) << facts.error().line;
    EXPECT_EQ(facts->capabilities, CapabilitySets{});
    EXPECT_EQ(facts->securebits, 0xefU);
}

TEST(Wanted, WhatIsAlreadyDoneNeedsNoCapability) {
    Facts before = facts_of(0, 0, bit(CAP_SETUID) | bit(CAP_SETGID), 0, {0});
    before.securebits = 0xef;
    EXPECT_TRUE(wanted(plan_of(1000, 1000), before));
}

TEST(Wanted, FactsThatAreMissingAreOurFault) {
    Facts before = docker_root();
    before.securebits.reset();
    EXPECT_THAT(refused(plan_of(1000, 1000), before, ExitCode::kInternal), HasSubstr("incomplete"));
}

TEST(WithFilter, CountsOneMoreUnlessTurnedOff) {
    Plan plan;
    Facts facts;
    facts.seccomp_mode = 0;
    facts.seccomp_filters = 0;
    EXPECT_EQ(with_filter(plan, facts).seccomp_mode, 2);
    EXPECT_EQ(with_filter(plan, facts).seccomp_filters, 1U);
    plan.emulate_root = "ids";
    EXPECT_EQ(with_filter(plan, facts).seccomp_filters, 2U) << "the emulation is a filter of its own";
    plan.seccomp.profile = "off";
    EXPECT_EQ(with_filter(plan, facts).seccomp_filters, 1U);
    plan.emulate_root = "off";
    EXPECT_EQ(with_filter(plan, facts), facts);
    plan.seccomp.profile = "/profile.json";
    facts.seccomp_filters.reset(); // an older kernel
    EXPECT_EQ(with_filter(plan, facts).seccomp_filters, std::nullopt);
}

TEST(StartWarnings, TheEnginesGidZero) {
    EXPECT_THAT(start_warnings(unnamed(), docker_user(1000, 0)), ElementsAre(HasSubstr("the app runs with gid 0")));
    EXPECT_TRUE(wanted(unnamed(), docker_user(1000, 0))) << "allowed: nobody named it";
    EXPECT_THAT(refused(plan_of(1000, 0), docker_user(1000, 0), ExitCode::kUsage), HasSubstr("gid 0"));
    EXPECT_THAT(start_warnings(unnamed(), docker_user(1000, 1000)), IsEmpty());
    Facts grouped = docker_user(1000, 1000);
    grouped.groups = {0, 27};
    EXPECT_THAT(start_warnings(unnamed(), grouped), ElementsAre(HasSubstr("group 0")));
    EXPECT_THAT(start_warnings(plan_of(1000, 1000), docker_root()), IsEmpty());
}

} // namespace
} // namespace stepdown::plan
