#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "render/capabilities.hpp"
#include "render/report_formats.hpp"
#include "render/words.hpp"
#include "unit/verify_fixture.hpp"

using namespace stepdown;
using stepdown::testing::a_thread;

namespace {

Finding finding(std::string check, Verdict verdict, std::string expected, std::string observed,
                std::string remedy = {}) {
    return {std::move(check), verdict, std::move(expected), std::move(observed), std::move(remedy)};
}

Report passing() {
    Report report;
    report.receipt = "/run/stepdown.receipt";
    report.container = {finding("receipt", Verdict::kPass, "what the start left", "/run/stepdown.receipt")};
    const std::vector<Finding> good = {
        finding("uid", Verdict::kPass, "10001 10001 10001 10001", "10001 10001 10001 10001"),
        finding("securebits", Verdict::kSkipped, "ef", "not readable")};
    report.subjects = {{a_thread(1, 1, 0), Role::kInit, good},
                       {a_thread(7, 7, 1), Role::kApp, good},
                       {a_thread(7, 9, 1), Role::kApp, good},
                       {a_thread(50, 50, 0), Role::kForeign, {}}};
    return report;
}

Report failing() {
    Report report = passing();
    report.subjects[2].findings[0] = finding("capabilities.effective", Verdict::kFail, "0000000000000000",
                                             "0000000000000400", "start it through stepdown");
    return report;
}

} // namespace

TEST(RenderReport, TextHasALineAProcessWhenAllIsWell) {
    EXPECT_EQ(
        render::report_text(passing()),
        "pass     receipt: /run/stepdown.receipt\n"
        "pass     init    1       app             uid 10001, gid 10001, no groups, no capabilities, no_new_privs 1, "
        "seccomp 2 (2 filters)\n"
        "pass     app     7       app             uid 10001, gid 10001, no groups, no capabilities, no_new_privs 1, "
        "seccomp 2 (2 filters), 2 threads\n"
        "-        foreign 50      app             uid 10001, gid 10001, no groups, no capabilities, no_new_privs 1, "
        "seccomp 2 (2 filters)\n"
        "verdict: pass (2 processes judged, 1 foreign)\n");
}

TEST(RenderReport, TextExpandsWhatIsNotAsItShouldBe) {
    const std::string text = render::report_text(failing());
    EXPECT_NE(text.find("fail     app     7/9     app"), std::string::npos) << text;
    EXPECT_NE(text.find("fail capabilities.effective: expected 0000000000000000 (none), observed 0000000000000400 "
                        "(cap_net_bind_service)\n           start it through stepdown\n"),
              std::string::npos)
        << text;
    EXPECT_TRUE(text.ends_with("verdict: fail (2 processes judged, 1 foreign)\n")) << text;
}

TEST(RenderReport, NamesCannotSpeakToTheTerminal) {
    Report report = passing();
    report.subjects[1].thread.name = "\x1b[2J\n\xff";
    report.container[0].observed = "/r\x1b]0;x\a";
    const std::string text = render::report_text(report);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(text.find("\\x1b[2J\\x0a\\xff"), std::string::npos) << text;
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

TEST(RenderReport, TextSaysWhatIsNotKnown) {
    Report report;
    report.subjects = {
        {a_thread(1, 1, -1, Facts{}), Role::kInit, {finding("uid", Verdict::kUnknown, "not 0", "not readable")}}};
    EXPECT_NE(render::report_text(report).find("uid ?, gid ?, groups ?, capabilities ?, no_new_privs ?, seccomp ?"),
              std::string::npos);
    EXPECT_TRUE(render::report_text(report).ends_with("verdict: unknown (1 processes judged, 0 foreign)\n"));
}

TEST(RenderReport, JsonSaysEverything) {
    const auto json = nlohmann::ordered_json::parse(render::report_json(failing()), nullptr, false);
    ASSERT_FALSE(json.is_discarded());
    EXPECT_EQ(json["schema"], 1);
    EXPECT_EQ(json["verdict"], "fail");
    EXPECT_EQ(json["receipt"], "/run/stepdown.receipt");
    ASSERT_EQ(json["threads"].size(), 4U);
    const auto& thread = json["threads"][2];
    EXPECT_EQ(thread["pid"], 7);
    EXPECT_EQ(thread["tid"], 9);
    EXPECT_EQ(thread["role"], "app");
    EXPECT_EQ(thread["verdict"], "fail");
    EXPECT_EQ(thread["facts"]["uid"], (std::vector<int>{10001, 10001, 10001, 10001}));
    EXPECT_EQ(thread["facts"]["capabilities"]["bounding"], "0000000000000000");
    EXPECT_EQ(thread["findings"][0]["remedy"], "start it through stepdown");
    EXPECT_EQ(json["threads"][3]["verdict"], "skipped");
}

TEST(RenderReport, JsonKeepsItsOrderAndSurvivesAnyName) {
    Report report;
    report.subjects = {{a_thread(1, 1, 0, Facts{}), Role::kInit, {}}};
    report.subjects[0].thread.name = "\xff\"\n";
    const std::string text = render::report_json(report);
    const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << text;
    EXPECT_EQ(json["threads"][0]["facts"]["uid"], nullptr);
    EXPECT_EQ(json["threads"][0]["facts"]["capabilities"], nullptr);
    EXPECT_EQ(json["receipt"], nullptr);
    EXPECT_LT(text.find("\"schema\""), text.find("\"verdict\""));
    EXPECT_LT(text.find("\"verdict\""), text.find("\"container\""));
    EXPECT_LT(text.find("\"container\""), text.find("\"threads\""));
}

TEST(RenderReport, ColourIsTheSameWordsAndNothingOfTheirs) {
    Report report = failing();
    report.subjects[1].thread.name = "\x1b[2J";
    std::string coloured = render::report_colour(report);
    EXPECT_NE(coloured.find("\x1b[31mfail    \x1b[0m app     7/9"), std::string::npos) << coloured;
    for (const std::string_view code : {"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"}) {
        for (std::size_t at = 0; (at = coloured.find(code, at)) != std::string::npos;) {
            coloured.erase(at, code.size());
        }
    }
    EXPECT_EQ(coloured.find('\x1b'), std::string::npos);
    EXPECT_NE(coloured.find("verdict: fail"), std::string::npos);
}

TEST(RenderReport, WhatDoesNotCountIsToldAndNoFailure) {
    Report report = failing();
    report.subjects[2].findings[0].severity = Severity::kInfo;
    EXPECT_EQ(overall(report), Verdict::kPass);
    EXPECT_EQ(render::report_text(report).find("fail"), std::string::npos) << render::report_text(report);
    EXPECT_NE(render::report_tap(report).find("ok 6 - app 7/9 app: capabilities.effective # SKIP fail: expected"),
              std::string::npos)
        << render::report_tap(report);
    report.least = Severity::kInfo;
    EXPECT_EQ(overall(report), Verdict::kFail);
    EXPECT_NE(render::report_tap(report).find("not ok 6"), std::string::npos) << render::report_tap(report);
}

TEST(RenderReport, NagiosIsOneLineWithTheFirstTrouble) {
    EXPECT_EQ(render::report_nagios(failing()),
              "STEPDOWN WARNING - app 7/9 app capabilities.effective: expected 0000000000000000, observed "
              "0000000000000400 | fail=1 unknown=0 pass=3\n");
    EXPECT_EQ(render::report_nagios(passing()), "STEPDOWN OK - everything holds | fail=0 unknown=0 pass=4\n");
}

TEST(RenderReport, ANodesReportSaysEachContainer) {
    Report node{.node = true};
    node.members = {passing(), failing()};
    node.members[0].id = std::string(64, 'a');
    node.members[1].id = std::string(64, 'b');
    node.members[1].pod = "1234";
    EXPECT_EQ(overall(node), Verdict::kFail);
    const std::string text = render::report_text(node);
    EXPECT_NE(text.find("container " + std::string(64, 'b') + " of pod 1234\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("2 containers, 1 pass; verdict: fail\n")) << text;
    const std::string numbers = render::report_prometheus(node);
    EXPECT_NE(numbers.find("stepdown_pass{container=\"" + std::string(64, 'a') + "\",pod=\"\"} 1\n"),
              std::string::npos);
    EXPECT_NE(numbers.find("stepdown_pass{container=\"" + std::string(64, 'b') + "\",pod=\"1234\"} 0\n"),
              std::string::npos);
    EXPECT_NE(render::report_nagios(node).find("bbbbbbbbbbbb app 7/9"), std::string::npos);
}

TEST(RenderReport, ASeriesOfPrometheusIsThereOnce) {
    Report node{.node = true};
    node.members = {passing(), failing()};
    for (Report& member : node.members) {
        member.id = "a";
    }
    const std::string numbers = render::report_prometheus(node);
    const std::string pass = "\nstepdown_pass{container=\"a\",pod=\"\"} ";
    EXPECT_EQ(numbers.find(pass), numbers.rfind(pass));
    EXPECT_TRUE(numbers.contains(pass + "0\n")) << "the worst of them";
    EXPECT_TRUE(numbers.contains("stepdown_processes{container=\"a\",pod=\"\",role=\"init\"} 2\n")) << numbers;
}

TEST(RenderReport, ANodesReportSaysWhatCouldNotBeRead) {
    Report node{.node = true, .unreadable = 3};
    node.container = {finding("process", Verdict::kUnknown, "every process's PID namespace",
                              "that of 3 processes is not readable", "be root")};
    const std::string text = render::report_text(node);
    EXPECT_TRUE(text.starts_with("unknown  process: that of 3 processes is not readable\n           be root\n"))
        << text;
    EXPECT_TRUE(text.ends_with("0 containers, 0 pass; verdict: unknown\n")) << text;
    const std::string numbers = render::report_prometheus(node);
    EXPECT_TRUE(numbers.contains("\nstepdown_unreadable_processes 3\n")) << numbers;
    EXPECT_FALSE(numbers.contains("\nstepdown_pass{")) << numbers;
    EXPECT_FALSE(render::report_prometheus(passing()).contains("unreadable"));
    EXPECT_TRUE(render::report_nagios(node).contains("node process: ")) << render::report_nagios(node);
}

TEST(RenderReport, FormatsAreFoundByName) {
    EXPECT_EQ(render::find_report_format("text")->render, render::report_text);
    EXPECT_EQ(render::find_report_format("json")->render, render::report_json);
    EXPECT_EQ(render::find_report_format("yaml"), nullptr);
    EXPECT_EQ(render::find_report_format(""), nullptr);
}

TEST(RenderReport, TheWorstVerdictOfASubjectIgnoresWhatWasSkipped) {
    EXPECT_EQ(render::worst_of({}), Verdict::kSkipped);
    const Finding pass = finding("a", Verdict::kPass, "", "");
    const Finding skipped = finding("b", Verdict::kSkipped, "", "");
    const Finding unknown = finding("c", Verdict::kUnknown, "", "");
    const Finding fail = finding("d", Verdict::kFail, "", "");
    EXPECT_EQ(render::worst_of({skipped}), Verdict::kSkipped);
    EXPECT_EQ(render::worst_of({pass, skipped}), Verdict::kPass);
    EXPECT_EQ(render::worst_of({pass, unknown, skipped}), Verdict::kUnknown);
    EXPECT_EQ(render::worst_of({fail, unknown}), Verdict::kFail);
}

TEST(RenderCapabilities, NamesEveryBit) {
    EXPECT_EQ(render::capability_names(0), "none");
    EXPECT_EQ(render::capability_names(0x401), "cap_chown cap_net_bind_service");
    EXPECT_EQ(render::capability_names(1ULL << 40), "cap_checkpoint_restore");
    EXPECT_EQ(render::capability_names(1ULL << 63 | 1ULL << 41), "41 63");
}
