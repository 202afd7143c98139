#include "unit/verify_assess.hpp"

using namespace stepdown;
using stepdown::testing::a_receipt;
using stepdown::testing::a_thread;
using stepdown::testing::dropped;
using stepdown::testing::FakeProc;
using stepdown::testing::put;
using stepdown::testing::root;
using stepdown::testing::Troubles;
using stepdown::testing::VerifyAssess;

TEST_F(VerifyAssess, ATreeThatSteppedDownPassesWhateverEntersBesideIt) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1), a_thread(7, 8, 1), a_thread(50, 50, 0, root())});
    const Report report = assess(proc);
    EXPECT_EQ(troubles(report), Troubles{});
    EXPECT_EQ(overall(report), Verdict::kPass);
    EXPECT_EQ(report.receipt, place);
    ASSERT_EQ(report.subjects.size(), 4U);
    EXPECT_EQ(report.subjects[3].role, Role::kForeign);
    EXPECT_TRUE(report.subjects[3].findings.empty());
    EXPECT_EQ(find(report.subjects[0].findings, "init.dumpable").verdict, Verdict::kPass);
    EXPECT_EQ(find(report.container, "user_namespace").observed, "0 100000 65536; uid 10001 is uid 110001 outside");
}

TEST_F(VerifyAssess, OneThreadWithOtherIdsIsReportedAndOnlyIt) {
    Facts other = dropped();
    (*other.uid)[1] = 10002;
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1), a_thread(7, 8, 1, other)});
    EXPECT_EQ(troubles(assess(proc)), Troubles{"7/8 uid"});
    EXPECT_EQ(overall(assess(proc)), Verdict::kFail);
}

TEST_F(VerifyAssess, ARootProcessBelowInitFails) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1, root())});
    EXPECT_EQ(overall(assess(proc)), Verdict::kFail);
    EXPECT_TRUE(std::ranges::contains(troubles(assess(proc)), "7/7 uid"));
}

TEST_F(VerifyAssess, ATracedProcessFails) {
    Thread traced = a_thread(7, 7, 1);
    traced.tracer = 50;
    EXPECT_EQ(troubles(assess(FakeProc({a_thread(1, 1, 0), traced}))), Troubles{"7/7 tracer"});
}

TEST_F(VerifyAssess, ADumpableInitFails) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1)});
    const std::uint32_t owner = expose(proc);
    verify::Receipt receipt = a_receipt();
    receipt.wanted.uid = all_four(owner);
    leave(receipt);
    Thread init = a_thread(1, 1, 0, receipt.wanted);
    put(proc.status_path(1, 1), stepdown::testing::status_text(init));
    put(proc.status_path(7, 7), stepdown::testing::status_text(a_thread(7, 7, 1, receipt.wanted)));
    EXPECT_EQ(troubles(assess(proc)), Troubles{"1/1 init.dumpable"});
}

TEST_F(VerifyAssess, WithoutAnInitThatProcessIsTheAppAndMayBeDumpable) {
    verify::Receipt receipt = a_receipt();
    receipt.init = false;
    leave(receipt);
    const FakeProc proc({a_thread(1, 1, 0)});
    expose(proc);
    const Report report = assess(proc);
    EXPECT_EQ(troubles(report), Troubles{});
    EXPECT_EQ(report.subjects.at(0).role, Role::kApp);
}

TEST_F(VerifyAssess, ZombiesAreReportedNotJudged) {
    Thread zombie = a_thread(7, 7, 1, root());
    zombie.state = 'Z';
    const Report report = assess(FakeProc({a_thread(1, 1, 0), zombie}));
    EXPECT_EQ(troubles(report), Troubles{});
    ASSERT_EQ(report.subjects.at(1).findings.size(), 1U);
    EXPECT_EQ(report.subjects[1].findings[0].check, "state");
    EXPECT_EQ(report.subjects[1].findings[0].verdict, Verdict::kSkipped);
}

TEST_F(VerifyAssess, WhatCannotBeReadIsUnknown) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1)});
    std::filesystem::remove(proc.status_path(7, 7));
    std::filesystem::create_directory(proc.status_path(7, 7));
    EXPECT_EQ(troubles(assess(proc)), Troubles{"7/7 status"});
    EXPECT_EQ(overall(assess(proc)), Verdict::kUnknown);
}

TEST_F(VerifyAssess, AnInitThatIsNotShownIsUnknown) {
    EXPECT_EQ(troubles(assess(FakeProc({a_thread(50, 50, 0)}))), Troubles{"container process"});
    const Report report = verify::assess(sys::real_kernel(), {.proc = "/no/such/proc", .receipt = place, .pid = {}});
    EXPECT_EQ(troubles(report), Troubles{"container process"});
    EXPECT_EQ(overall(report), Verdict::kUnknown);
}

// ---- The receipt.

TEST_F(VerifyAssess, WithoutAReceiptTheFloorIsHeldAndAPassIsUnknown) {
    where = directory / "none";
    const FakeProc good({a_thread(1, 1, 0), a_thread(7, 7, 1)});
    EXPECT_EQ(troubles(assess(good)), Troubles{"container receipt"});
    EXPECT_EQ(overall(assess(good)), Verdict::kUnknown);
    EXPECT_EQ(assess(good).receipt, "");
    EXPECT_EQ(assess(good).subjects.at(0).role, Role::kInit);
    EXPECT_EQ(overall(assess(FakeProc({a_thread(1, 1, 0, root())}))), Verdict::kFail);
}

TEST_F(VerifyAssess, WithReceiptOffTheFloorAloneDecides) {
    where = "off";
    EXPECT_EQ(overall(assess(FakeProc({a_thread(1, 1, 0), a_thread(7, 7, 1)}))), Verdict::kPass);
    EXPECT_EQ(overall(assess(FakeProc({a_thread(1, 1, 0), a_thread(7, 7, 1, root())}))), Verdict::kFail);
}

TEST_F(VerifyAssess, AMalformedReceiptFails) {
    put(place, "Stepdown:\t1\n");
    EXPECT_EQ(troubles(assess(FakeProc({a_thread(1, 1, 0)}))), Troubles{"container receipt"});
    EXPECT_EQ(overall(assess(FakeProc({a_thread(1, 1, 0)}))), Verdict::kFail);
}

TEST_F(VerifyAssess, AReceiptThatTheAppCouldHaveWrittenLoosensNothing) {
    verify::Receipt receipt = a_receipt();
    receipt.wanted = root();
    receipt.allow_root = true;
    receipt.filter.reset();
    leave(receipt);
    ASSERT_EQ(::chmod(place.c_str(), 0666), 0);
    const FakeProc proc({a_thread(1, 1, 0, root())});
    const Report report = assess(proc);
    const auto found = troubles(report);
    for (const char* const check : {"container receipt.protected", "1/1 uid", "1/1 gid", "1/1 capabilities.effective",
                                    "1/1 capabilities.bounding", "1/1 no_new_privs"}) {
        EXPECT_TRUE(std::ranges::contains(found, check)) << check;
    }
}

TEST_F(VerifyAssess, AReceiptThatWasOpenedAfterTheStartFails) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1)});
    ASSERT_EQ(::chmod(place.c_str(), 0666), 0);
    EXPECT_EQ(troubles(assess(proc)), Troubles{"container receipt.protected"});
    EXPECT_NE(find(assess(proc).container, "receipt.protected").observed.find("0666"), std::string::npos);
    ASSERT_EQ(::chmod(place.c_str(), 0444), 0);
    ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
    EXPECT_EQ(troubles(assess(proc)), Troubles{"container receipt.protected"});
    ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(place.c_str(), 10001, 10001), 0);
        EXPECT_EQ(troubles(assess(proc)), Troubles{"container receipt.protected"});
    }
}

TEST_F(VerifyAssess, AReceiptAsAStartWithoutRootLeavesItProvesNothing) {
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(place.c_str(), 10001, 10001), 0);
        ASSERT_EQ(::chown(directory.path().c_str(), 10001, 10001), 0);
    }
    const Report report = assess(FakeProc({a_thread(1, 1, 0), a_thread(7, 7, 1)}));
    EXPECT_EQ(overall(report), Verdict::kPass);
    EXPECT_EQ(report.receipt, place);
    EXPECT_EQ(find(report.container, "receipt.protected").verdict, Verdict::kSkipped);
    EXPECT_EQ(find(report.subjects.at(1).findings, "seccomp.filters").verdict, Verdict::kSkipped);
    verify::Receipt of_root = a_receipt();
    of_root.wanted.securebits = 0xef;
    std::filesystem::remove(place);
    leave(of_root);
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(place.c_str(), 10001, 10001), 0);
    }
    EXPECT_EQ(troubles(assess(FakeProc({a_thread(1, 1, 0)}))), Troubles{"container receipt.protected"});
}

TEST_F(VerifyAssess, AnAppThatMayWriteAsRootDoesNotSpeakForItself) {
    ASSERT_EQ(::geteuid(), 0U) << "needs a receipt of root's: run it as root";
    verify::Receipt of_root = a_receipt();
    of_root.wanted = root();
    of_root.wanted.no_new_privs = true;
    of_root.wanted.seccomp_filters = 2;
    of_root.allow_root = true;
    verify::Receipt of_writer = a_receipt();
    of_writer.wanted.capabilities->permitted = 2; // CAP_DAC_OVERRIDE
    for (const verify::Receipt& receipt : {of_root, of_writer}) {
        leave(receipt);
        const FakeProc proc({a_thread(1, 1, 0, receipt.wanted)});
        const Report report = assess(proc);
        EXPECT_EQ(find(report.container, "receipt.protected").verdict, Verdict::kUnknown);
        EXPECT_NE(overall(report), Verdict::kPass);
        const Floor floor{.root_allowed = true, .root_group_allowed = true, .capabilities = ~std::uint64_t{0}};
        verify::Question question{.proc = proc.path(), .receipt = place, .pid = {}};
        question.policy = Policy{.name = "p", .floor = floor, .waivers = {}};
        EXPECT_EQ(find(verify::assess(sys::real_kernel(), question).container, "receipt.protected").verdict,
                  Verdict::kSkipped);
    }
}

TEST_F(VerifyAssess, AForgedReceiptDoesNotSayWhoIsJudged) {
    ASSERT_EQ(::geteuid(), 0U) << "makes a receipt another's: run it as root";
    verify::Receipt forged = a_receipt();
    forged.pid = 7;
    forged.init = false;
    leave(forged);
    ASSERT_EQ(::chown(place.c_str(), 10001, 10001), 0);
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1), a_thread(8, 8, 1, root())});
    EXPECT_TRUE(std::ranges::contains(troubles(assess(proc)), "8/8 uid"));
}

TEST_F(VerifyAssess, UnderAPolicyNothingThatAReceiptNamesIsAllowed) {
    verify::Receipt receipt = a_receipt();
    receipt.wanted.gid = all_four(0);
    receipt.wanted.capabilities->bounding = 0xa80425fb;
    leave(receipt);
    const FakeProc proc({a_thread(1, 1, 0, receipt.wanted)});
    verify::Question question{.proc = proc.path(), .receipt = place, .pid = {}};
    if (::geteuid() == 0) {
        EXPECT_EQ(troubles(verify::assess(sys::real_kernel(), question)), Troubles{});
    }
    question.policy = Policy{.name = "p", .floor = {}, .waivers = {}};
    EXPECT_EQ(troubles(verify::assess(sys::real_kernel(), question)),
              (Troubles{"1/1 gid", "1/1 capabilities.bounding"}));
}

// ---- One process.

TEST_F(VerifyAssess, OneProcessIsJudgedAloneWhateverItsDescent) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1, root()), a_thread(50, 50, 0, root()), a_thread(9, 9, 1)});
    for (const char* const pid : {"/9", "/50"}) {
        put(proc.path() + pid + "/uid_map", "         0          0 4294967295\n");
    }
    EXPECT_EQ(overall(assess(proc, 9)), Verdict::kPass);
    EXPECT_EQ(assess(proc, 9).subjects.size(), 1U);
    const Report entered = assess(proc, 50);
    EXPECT_EQ(overall(entered), Verdict::kFail);
    EXPECT_EQ(entered.subjects.at(0).role, Role::kApp);
    EXPECT_EQ(troubles(assess(proc, 51)), (Troubles{"container receipt", "container process"}));
}

TEST_F(VerifyAssess, OneProcessIsHeldAgainstItsOwnContainersReceipt) {
    verify::Receipt other = a_receipt();
    other.wanted.uid = all_four(10002);
    put(directory / "theirs/run/receipt", verify::write_receipt(other));
    put(directory / "run/receipt", verify::write_receipt(a_receipt()));
    const FakeProc proc({a_thread(700, 700, 1, other.wanted), a_thread(700, 701, 1, other.wanted)});
    for (const pid_t tid : {700, 701}) {
        put(proc.status_path(700, tid), stepdown::testing::get(proc.status_path(700, tid)) + "NSpid:\t" +
                                            std::to_string(tid) + "\t" + std::to_string(tid - 699) + "\n");
    }
    put(proc.path() + "/700/uid_map", "         0          0 4294967295\n");
    std::filesystem::remove(proc.path() + "/700/root");
    std::filesystem::create_symlink(directory / "theirs", proc.path() + "/700/root");
    where = "/run/receipt";
    const Report report = assess(proc, 700);
    EXPECT_EQ(find(report.subjects.at(0).findings, "uid").verdict, Verdict::kPass);
    EXPECT_EQ(report.subjects[0].role, Role::kInit);
    EXPECT_EQ(report.subjects.at(1).role, Role::kInit);
    std::filesystem::remove(proc.path() + "/700/root");
    EXPECT_EQ(assess(proc, 700).receipt, "") << "and never the observer's";
}

// ---- A policy, a copy of a status, a node.

TEST_F(VerifyAssess, APolicyDecidesWhereThereIsNoReceiptAndIsLoosenedByNone) {
    verify::Question question{.proc = "", .receipt = directory / "none", .pid = {}};
    const FakeProc good({a_thread(1, 1, 0), a_thread(7, 7, 1)});
    question.proc = good.path();
    question.policy = Policy{.name = "p", .floor = {}, .waivers = {}};
    EXPECT_EQ(overall(verify::assess(sys::real_kernel(), question)), Verdict::kPass);
    const FakeProc bad({a_thread(1, 1, 0), a_thread(7, 7, 1, root())});
    question.proc = bad.path();
    EXPECT_EQ(overall(verify::assess(sys::real_kernel(), question)), Verdict::kFail);
    question.policy->floor = {
        .root_allowed = true, .root_group_allowed = true, .new_privileges_allowed = true, .capabilities = 0xa80425fb};
    EXPECT_EQ(troubles(verify::assess(sys::real_kernel(), question)), Troubles{});
    verify::Receipt receipt = a_receipt();
    receipt.wanted = root();
    receipt.allow_root = true;
    leave(receipt);
    question.receipt = place;
    question.policy->floor = {};
    EXPECT_TRUE(std::ranges::contains(troubles(verify::assess(sys::real_kernel(), question)), "7/7 uid"));
}

TEST_F(VerifyAssess, AWaiverHoldsUntilItsDayAndSaysWhy) {
    Thread traced = a_thread(7, 7, 1);
    traced.tracer = 50;
    const FakeProc proc({a_thread(1, 1, 0), traced});
    verify::Question question{.proc = proc.path(),
                              .receipt = place,
                              .pid = {},
                              .policy =
                                  Policy{.name = "p", .floor = {}, .waivers = {{"tracer", "a debugger", "2027-01-31"}}},
                              .today = "2027-01-31"};
    const Report waived = verify::assess(sys::real_kernel(), question);
    EXPECT_EQ(overall(waived), Verdict::kPass);
    EXPECT_EQ(find(waived.subjects.at(1).findings, "tracer").waiver, "a debugger, until 2027-01-31");
    question.today = "2027-02-01";
    const Report expired = verify::assess(sys::real_kernel(), question);
    EXPECT_EQ(troubles(expired), Troubles{"7/7 tracer"});
    EXPECT_TRUE(
        find(expired.subjects.at(1).findings, "tracer").remedy.starts_with("its waiver expired on 2027-01-31: "));
}

TEST_F(VerifyAssess, OfSeveralWaiversOneThatHasNotExpiredCounts) {
    Thread traced = a_thread(7, 7, 1);
    traced.tracer = 50;
    const FakeProc proc({a_thread(1, 1, 0), traced});
    verify::Question question{.proc = proc.path(),
                              .receipt = place,
                              .pid = {},
                              .policy = Policy{.name = "p",
                                               .floor = {},
                                               .waivers = {{"tracer", "old", "2026-01-31"},
                                                           {"tracer", "new", "2027-01-31"},
                                                           {"tracer", "older", "2025-01-31"}}},
                              .today = "2027-01-01"};
    EXPECT_EQ(find(verify::assess(sys::real_kernel(), question).subjects.at(1).findings, "tracer").waiver,
              "new, until 2027-01-31");
}

TEST_F(VerifyAssess, EveryCheckThatIsToldMayBeNamedByAWaiver) {
    const auto ids = verify::check_ids();
    const Report report = assess(FakeProc({a_thread(1, 1, 0), a_thread(7, 7, 1)}));
    const auto known = [&ids](const Finding& finding) {
        const bool judged = finding.check != "user_namespace" && finding.check != "emulation";
        EXPECT_EQ(std::ranges::contains(ids, finding.check), judged) << finding.check;
    };
    std::ranges::for_each(report.container, known);
    for (const Subject& subject : report.subjects) {
        std::ranges::for_each(subject.findings, known);
    }
    EXPECT_TRUE(std::ranges::contains(ids, "probe.terminal") && std::ranges::contains(ids, "runtime_socket"));
}

TEST_F(VerifyAssess, ACopyOfAStatusIsJudgedByWhatItSays) {
    verify::Question question;
    EXPECT_EQ(overall(verify::assess_status(stepdown::testing::status_text(a_thread(7, 7, 1)), question)),
              Verdict::kPass);
    const Report bad = verify::assess_status(stepdown::testing::status_text(a_thread(7, 7, 1, root())), question);
    EXPECT_EQ(overall(bad), Verdict::kFail);
    EXPECT_EQ(bad.subjects.at(0).thread.pid, 7);
    for (const std::string_view text : {"", "Name:\tapp\n", "Uid:\t1\n", "not a status"}) {
        EXPECT_EQ(overall(verify::assess_status(text, question)), Verdict::kUnknown) << text;
    }
}

TEST_F(VerifyAssess, AReceiptThatContradictsItselfFails) {
    verify::Receipt receipt = a_receipt();
    receipt.filters_before = 5;
    leave(receipt);
    EXPECT_EQ(troubles(assess(FakeProc({a_thread(1, 1, 0), a_thread(7, 7, 1)}))), Troubles{"container receipt"});
}

TEST_F(VerifyAssess, WhereNobodyIsJudgedNothingPasses) {
    Thread zombie = a_thread(7, 7, 1, root());
    zombie.state = 'Z';
    Report report = assess(FakeProc({a_thread(1, 1, 0), zombie}), 7);
    report.least = Severity::kCritical;
    EXPECT_EQ(overall(report), Verdict::kUnknown);
    report = assess(FakeProc({a_thread(1, 1, 0)}), 999);
    report.least = Severity::kCritical;
    EXPECT_EQ(overall(report), Verdict::kUnknown);
}

TEST_F(VerifyAssess, AHiddenStatusIsAsSevereAsWhatItHides) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1)});
    std::filesystem::remove(proc.status_path(7, 7));
    std::filesystem::create_directory(proc.status_path(7, 7));
    Report report = assess(proc);
    report.least = Severity::kCritical;
    EXPECT_EQ(overall(report), Verdict::kUnknown);
}
