#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "unit/verify_fixture.hpp"
#include "verify/judge.hpp"

using namespace stepdown;
using stepdown::testing::a_thread;
using stepdown::testing::dropped;
using verify::first_mismatch;
using verify::judge;

namespace {

Facts full() {
    Facts facts = dropped();
    facts.securebits = 0xef;
    return facts;
}

std::vector<std::string> with_verdict(const std::vector<Finding>& findings, Verdict verdict) {
    std::vector<std::string> ids;
    for (const Finding& finding : findings) {
        if (finding.verdict == verdict) {
            ids.push_back(finding.check);
        }
    }
    return ids;
}

Finding find(const std::vector<Finding>& findings, std::string_view id) {
    const auto found = std::ranges::find(findings, id, &Finding::check);
    EXPECT_NE(found, findings.end()) << id;
    return found == findings.end() ? Finding{} : *found;
}

struct Change {
    const char* check;
    void (*change)(Facts&);
};

void PrintTo(const Change& change, std::ostream* out) { *out << change.check; }

class VerifyOffByOne : public ::testing::TestWithParam<Change> {};

class VerifyUnseen : public ::testing::TestWithParam<Change> {};

class VerifyBelowTheFloor : public ::testing::TestWithParam<Change> {};

} // namespace

TEST(VerifyJudge, WhatIsWantedPasses) {
    EXPECT_EQ(first_mismatch(full(), full()), std::nullopt);
    const auto findings = judge(full(), full());
    EXPECT_EQ(findings.size(), verify::checks().size());
    EXPECT_EQ(with_verdict(findings, Verdict::kFail), std::vector<std::string>{});
    EXPECT_EQ(with_verdict(findings, Verdict::kUnknown), std::vector<std::string>{});
    EXPECT_EQ(with_verdict(findings, Verdict::kSkipped), std::vector<std::string>{"tracer"});
}

TEST(VerifyJudge, RowsAreWellFormed) {
    std::map<std::string_view, int> seen;
    for (const verify::Check& check : verify::checks()) {
        EXPECT_EQ(++seen[check.id], 1) << check.id;
        EXPECT_FALSE(check.title.empty()) << check.id;
        EXPECT_FALSE(check.remedy.empty()) << check.id;
        EXPECT_FALSE(check.references.empty()) << check.id;
        EXPECT_NE(check.compare, nullptr) << check.id;
        EXPECT_NE(check.text, nullptr) << check.id;
        EXPECT_EQ(check.floor == nullptr, check.floor_text.empty()) << check.id;
    }
}

// ---- Off by one, each alone.

TEST_P(VerifyOffByOne, FailsItsCheckAndOnlyIt) {
    Facts observed = full();
    GetParam().change(observed);
    const auto mismatch = first_mismatch(full(), observed);
    ASSERT_TRUE(mismatch);
    EXPECT_EQ(mismatch->check, GetParam().check);
    EXPECT_EQ(mismatch->verdict, Verdict::kFail);
    EXPECT_NE(mismatch->expected, mismatch->observed);
    EXPECT_FALSE(mismatch->remedy.empty());
    EXPECT_EQ(with_verdict(judge(full(), observed), Verdict::kFail), std::vector<std::string>{GetParam().check});
}

INSTANTIATE_TEST_SUITE_P(
    Fields, VerifyOffByOne,
    ::testing::Values(
        Change{"uid", [](Facts& facts) { (*facts.uid)[0] = 10002; }},
        Change{"uid", [](Facts& facts) { (*facts.uid)[1] = 10000; }},
        Change{"uid", [](Facts& facts) { (*facts.uid)[2] = 0; }},
        Change{"uid", [](Facts& facts) { (*facts.uid)[3] = 0; }},
        Change{"gid", [](Facts& facts) { (*facts.gid)[0] = 10002; }},
        Change{"gid", [](Facts& facts) { (*facts.gid)[1] = 0; }},
        Change{"gid", [](Facts& facts) { (*facts.gid)[2] = 0; }},
        Change{"gid", [](Facts& facts) { (*facts.gid)[3] = 10000; }},
        Change{"groups", [](Facts& facts) { facts.groups = {10001}; }},
        Change{"capabilities.inheritable", [](Facts& facts) { facts.capabilities->inheritable = 1; }},
        Change{"capabilities.permitted", [](Facts& facts) { facts.capabilities->permitted = 1ULL << 40; }},
        Change{"capabilities.effective", [](Facts& facts) { facts.capabilities->effective = 1ULL << 63; }},
        Change{"capabilities.bounding", [](Facts& facts) { facts.capabilities->bounding = 1; }},
        Change{"capabilities.ambient", [](Facts& facts) { facts.capabilities->ambient = 0x400; }},
        Change{"securebits", [](Facts& facts) { facts.securebits = 0xee; }},
        Change{"no_new_privs", [](Facts& facts) { facts.no_new_privs = false; }},
        Change{"seccomp.mode", [](Facts& facts) { facts.seccomp_mode = 1; }},
        Change{"seccomp.mode", [](Facts& facts) { facts.seccomp_mode = 0; }},
        Change{"seccomp.filters", [](Facts& facts) { facts.seccomp_filters = 1; }}));

// ---- Not observable.

TEST_P(VerifyUnseen, RefusesTheStartAndIsUnknownLater) {
    Facts observed = full();
    GetParam().change(observed);
    const auto mismatch = first_mismatch(full(), observed);
    ASSERT_TRUE(mismatch);
    EXPECT_EQ(mismatch->check, GetParam().check);
    EXPECT_EQ(mismatch->verdict, Verdict::kUnknown);
    const auto unknown = with_verdict(judge(full(), observed), Verdict::kUnknown);
    EXPECT_TRUE(std::ranges::contains(unknown, GetParam().check));
}

INSTANTIATE_TEST_SUITE_P(Fields, VerifyUnseen,
                         ::testing::Values(Change{"uid", [](Facts& facts) { facts.uid.reset(); }},
                                           Change{"gid", [](Facts& facts) { facts.gid.reset(); }},
                                           Change{"groups", [](Facts& facts) { facts.groups.reset(); }},
                                           Change{"capabilities.inheritable",
                                                  [](Facts& facts) { facts.capabilities.reset(); }},
                                           Change{"no_new_privs", [](Facts& facts) { facts.no_new_privs.reset(); }},
                                           Change{"seccomp.mode", [](Facts& facts) { facts.seccomp_mode.reset(); }}));

TEST(VerifyJudge, AnOldKernelsMissingFilterCountDoesNotRefuseTheStartButIsNoPass) {
    Facts observed = full();
    observed.seccomp_filters.reset();
    EXPECT_EQ(first_mismatch(full(), observed), std::nullopt);
    EXPECT_EQ(find(judge(full(), observed), "seccomp.filters").verdict, Verdict::kUnknown);
}

TEST(VerifyJudge, SecurebitsThatOnlyTheThreadCanAskAreSkipped) {
    Facts observed = full();
    observed.securebits.reset();
    EXPECT_EQ(first_mismatch(full(), observed), std::nullopt);
    EXPECT_EQ(find(judge(full(), observed), "securebits").verdict, Verdict::kSkipped);
}

TEST(VerifyJudge, WhatIsNotAskedForIsSkippedAndNeverPasses) {
    EXPECT_EQ(first_mismatch(Facts{}, full()), std::nullopt);
    EXPECT_EQ(with_verdict(judge(Facts{}, full()), Verdict::kSkipped).size(), verify::checks().size());
    EXPECT_EQ(find(judge(Facts{}, full()), "uid").expected, "not asked for");
}

// ---- More given up than was wanted.

TEST(VerifyJudge, AnAppMayGiveUpMoreLaterButNotAtTheStart) {
    Facts wanted = full();
    wanted.capabilities = CapabilitySets{0x400, 0x400, 0x400, 0x400, 0x400};
    EXPECT_EQ(first_mismatch(wanted, full())->check, "capabilities.inheritable");
    EXPECT_EQ(with_verdict(judge(wanted, full()), Verdict::kFail), std::vector<std::string>{});
    Facts other = full();
    other.capabilities->effective = 0x800; // as many, but not those
    EXPECT_EQ(with_verdict(judge(wanted, other), Verdict::kFail), std::vector<std::string>{"capabilities.effective"});
}

TEST(VerifyJudge, AnAppMayAddFiltersOfItsOwn) {
    Facts observed = full();
    observed.seccomp_filters = 5;
    EXPECT_EQ(first_mismatch(full(), observed), std::nullopt);
    EXPECT_EQ(with_verdict(judge(full(), observed), Verdict::kFail), std::vector<std::string>{});
}

TEST(VerifyJudge, NoNewPrivsThatWasNotWantedRefusesTheStartOnly) {
    Facts wanted = full();
    wanted.no_new_privs = false;
    EXPECT_EQ(first_mismatch(wanted, full())->check, "no_new_privs");
    EXPECT_EQ(with_verdict(judge(wanted, full()), Verdict::kFail), std::vector<std::string>{});
}

// ---- The floor.

TEST_P(VerifyBelowTheFloor, FailsWithoutAReceipt) {
    Facts observed = dropped();
    GetParam().change(observed);
    const auto findings = judge(Facts{}, a_thread(7, 7, 1, observed), Floor{});
    EXPECT_EQ(with_verdict(findings, Verdict::kFail), std::vector<std::string>{GetParam().check});
    EXPECT_FALSE(find(findings, GetParam().check).remedy.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Fields, VerifyBelowTheFloor,
    ::testing::Values(Change{"uid", [](Facts& facts) { (*facts.uid)[2] = 0; }},
                      Change{"gid", [](Facts& facts) { (*facts.gid)[0] = 0; }},
                      Change{"groups", [](Facts& facts) { facts.groups = {0, 5}; }},
                      Change{"capabilities.inheritable", [](Facts& facts) { facts.capabilities->inheritable = 1; }},
                      Change{"capabilities.permitted", [](Facts& facts) { facts.capabilities->permitted = 2; }},
                      Change{"capabilities.effective", [](Facts& facts) { facts.capabilities->effective = 4; }},
                      Change{"capabilities.bounding", [](Facts& facts) { facts.capabilities->bounding = 8; }},
                      Change{"capabilities.ambient", [](Facts& facts) { facts.capabilities->ambient = 16; }},
                      Change{"no_new_privs", [](Facts& facts) { facts.no_new_privs = false; }},
                      Change{"seccomp.mode", [](Facts& facts) { facts.seccomp_mode = 0; }}));

TEST(VerifyFloor, PassesWhatSteppedDownAndLeavesTheRestUnjudged) {
    const auto findings = judge(Facts{}, a_thread(7, 7, 1), Floor{});
    EXPECT_EQ(with_verdict(findings, Verdict::kFail), std::vector<std::string>{});
    EXPECT_EQ(with_verdict(findings, Verdict::kUnknown), std::vector<std::string>{});
    EXPECT_EQ(with_verdict(findings, Verdict::kSkipped), (std::vector<std::string>{"securebits", "seccomp.filters"}));
    EXPECT_EQ(find(findings, "uid").expected, "not 0");
}

TEST(VerifyFloor, WhatCannotBeSeenIsUnknown) {
    const auto findings = judge(Facts{}, a_thread(7, 7, 1, Facts{}), Floor{});
    EXPECT_EQ(with_verdict(findings, Verdict::kPass), std::vector<std::string>{"tracer"});
    EXPECT_EQ(find(findings, "uid").verdict, Verdict::kUnknown);
    EXPECT_EQ(find(findings, "seccomp.mode").verdict, Verdict::kUnknown);
}

TEST(VerifyFloor, HoldsBesidesAReceiptThatSaysOtherwise) {
    Facts root = dropped();
    root.uid = all_four(0);
    root.capabilities->effective = 1;
    root.no_new_privs = false;
    root.seccomp_mode = 0;
    const auto findings = judge(root, a_thread(7, 7, 1, root), Floor{});
    EXPECT_EQ(with_verdict(findings, Verdict::kFail),
              (std::vector<std::string>{"uid", "capabilities.effective", "no_new_privs", "seccomp.mode"}));
    EXPECT_EQ(find(findings, "uid").expected, "not 0");
}

TEST(VerifyFloor, IsLoosenedByWhatAProtectedReceiptNames) {
    Facts root = dropped();
    root.uid = all_four(0);
    root.gid = all_four(0);
    root.capabilities->effective = 1;
    root.seccomp_mode = 0;
    const Floor loose{.root_allowed = true, .named_allowed = true, .no_filter_allowed = true};
    EXPECT_EQ(with_verdict(judge(root, a_thread(7, 7, 1, root), loose), Verdict::kFail), std::vector<std::string>{});
    const auto without = judge(Facts{}, a_thread(7, 7, 1, root), loose);
    EXPECT_EQ(with_verdict(without, Verdict::kFail), std::vector<std::string>{"capabilities.effective"});
}

TEST(VerifyFloor, GroupsAndTheBoundingSetAreLoosenedByAProtectedReceiptAlone) {
    Facts facts = dropped();
    facts.gid = all_four(0);
    facts.groups = {0};
    facts.capabilities->bounding = 0xa80425fb;
    const Thread thread = a_thread(7, 7, 1, facts);
    EXPECT_EQ(with_verdict(judge(facts, thread, Floor{}), Verdict::kFail),
              (std::vector<std::string>{"gid", "groups", "capabilities.bounding"}));
    EXPECT_EQ(with_verdict(judge(facts, thread, Floor{.named_allowed = true}), Verdict::kFail),
              std::vector<std::string>{});
}

TEST(VerifyFloor, WhatTheAppCouldHaveWrittenTightensAndProvesNothing) {
    const auto agrees = judge(dropped(), a_thread(7, 7, 1), Floor{}, false);
    EXPECT_EQ(find(agrees, "uid").expected, "not 0");
    EXPECT_EQ(find(agrees, "seccomp.filters").verdict, Verdict::kSkipped);
    Facts other = dropped();
    other.uid = all_four(10002);
    EXPECT_EQ(with_verdict(judge(dropped(), a_thread(7, 7, 1, other), Floor{}, false), Verdict::kFail),
              std::vector<std::string>{"uid"});
}

TEST(VerifyJudge, ATracerFailsAndAnUnknownOneIsUnknown) {
    Thread thread = a_thread(7, 7, 1);
    EXPECT_EQ(find(judge(dropped(), thread, Floor{}), "tracer").verdict, Verdict::kPass);
    thread.tracer = 99;
    const Finding traced = find(judge(dropped(), thread, Floor{}), "tracer");
    EXPECT_EQ(traced.verdict, Verdict::kFail);
    EXPECT_EQ(traced.observed, "99");
    thread.tracer = -1;
    EXPECT_EQ(find(judge(dropped(), thread, Floor{}), "tracer").verdict, Verdict::kUnknown);
}

TEST(VerifyJudge, SpeaksTheKernelsWords) {
    Facts observed = full();
    observed.groups = {4, 24};
    observed.capabilities->bounding = 0xa80425fb;
    const auto findings = judge(full(), observed);
    EXPECT_EQ(find(findings, "uid").observed, "10001 10001 10001 10001");
    EXPECT_EQ(find(findings, "groups").expected, "none");
    EXPECT_EQ(find(findings, "groups").observed, "4 24");
    EXPECT_EQ(find(findings, "capabilities.bounding").observed, "00000000a80425fb");
    EXPECT_EQ(find(findings, "securebits").observed, "ef");
    EXPECT_EQ(find(findings, "no_new_privs").observed, "1");
    EXPECT_EQ(find(findings, "seccomp.filters").observed, "2");
    EXPECT_EQ(find(findings, "tracer").observed, "not readable");
}
