#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/tmpfiles.hpp"
#include "plan/tmpfiles_words.hpp"
#include "setup/glob.hpp"

namespace stepdown::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SetupStep step_of(std::string_view line) {
    auto step = parse_setup_line(line, "--setup");
    EXPECT_TRUE(step) << step.error().line;
    EXPECT_TRUE(step && *step) << line;
    return step && *step ? **step : SetupStep();
}

std::string refused(std::string_view line) {
    const auto step = parse_setup_line(line, "f.conf:3");
    EXPECT_FALSE(step) << line;
    return step ? "" : step.error().line;
}

std::string letter_itself(const void*, char letter) { return std::string("<") + letter + ">"; }
constexpr Specifiers kSpecifiers = {letter_itself, nullptr};

Result<SetupStep> resolved(std::string_view line) {
    SetupStep step = step_of(line);
    auto done = resolve_setup_step(step, kSpecifiers, "app:x:1000:1001::/:\n", "app:x:1001:\nadm:x:4:\n");
    return done ? Result<SetupStep>(step) : std::unexpected(done.error());
}

TEST(SetupLine, HasTheSevenFields) {
    const SetupStep step = step_of("d /run/app 0750 app adm 10d -");
    EXPECT_EQ(step.kind, SetupKind::kMakeDirectory);
    EXPECT_EQ(step.path, "/run/app");
    EXPECT_EQ(step.mode, 0750U);
    EXPECT_EQ(step.user, "app");
    EXPECT_EQ(step.group, "adm");
    EXPECT_FALSE(step.has_argument);
    EXPECT_FALSE(step.for_app);
    EXPECT_EQ(step.origin, "--setup");
}

TEST(SetupLine, DashesAndMissingFieldsAreNothing) {
    for (const char* const line : {"d /x", "d /x -", "d /x - - - - -", "d\t/x\t\t-"}) {
        const SetupStep step = step_of(line);
        EXPECT_EQ(step.mode, std::nullopt) << line;
        EXPECT_EQ(step.user + step.group + step.argument, "") << line;
    }
}

TEST(SetupLine, CommentsAndBlankLinesAreNoStep) {
    for (const char* const line : {"", "  \t", "# d /x", "  # d /x"}) {
        EXPECT_EQ(parse_setup_line(line, "x").value(), std::nullopt) << line;
    }
}

TEST(SetupLine, EveryTypeAndModifier) {
    const struct {
        const char* type;
        SetupKind kind;
    } rows[] = {{"f", SetupKind::kFile},
                {"f+", SetupKind::kFile},
                {"w", SetupKind::kWrite},
                {"w+", SetupKind::kWrite},
                {"d", SetupKind::kMakeDirectory},
                {"D!", SetupKind::kEmptyDirectory},
                {"e", SetupKind::kAdjustDirectory},
                {"L+", SetupKind::kLink},
                {"C", SetupKind::kCopy},
                {"p+", SetupKind::kFifo},
                {"z", SetupKind::kAdjust},
                {"m", SetupKind::kAdjust},
                {"Z", SetupKind::kOwn},
                {"r!", SetupKind::kRemove},
                {"R!-", SetupKind::kRemoveTree}};
    for (const auto& [type, kind] : rows) {
        const SetupStep step = step_of(std::string(type) + " /x - - - - arg");
        EXPECT_EQ(step.kind, kind) << type;
        EXPECT_EQ(step.force, std::string_view(type).contains('+')) << type;
        EXPECT_EQ(step.may_fail, std::string_view(type).contains('-')) << type;
    }
    EXPECT_TRUE(step_of("d= /x").replace_others);
}

TEST(SetupLine, WhatHasNoPlaceInAContainerIsNamed) {
    for (const char letter : std::string_view("vqQFbcxXtThHaA")) {
        const std::string line = refused(std::string(1, letter) + " /x");
        EXPECT_THAT(line, HasSubstr("f.conf:3: ")) << letter;
        EXPECT_THAT(line, HasSubstr("type \"" + std::string(1, letter) + "\"")) << letter;
    }
    EXPECT_THAT(refused("k /x"), HasSubstr("none of f w d D e L C p z Z m r R"));
    EXPECT_THAT(refused("d^ /x"), HasSubstr("modifier other than"));
    EXPECT_THAT(refused("d!! /x"), HasSubstr("twice"));
    EXPECT_THAT(refused("d~ /x"), HasSubstr("only f and w"));
}

TEST(SetupLine, BadFieldsAreRefused) {
    EXPECT_THAT(refused("d"), HasSubstr("TYPE PATH"));
    EXPECT_THAT(refused("d /x 888"), HasSubstr("octal"));
    EXPECT_THAT(refused("d /x 17777"), HasSubstr("octal"));
    EXPECT_THAT(refused("d /x 0x1ff"), HasSubstr("octal"));
    EXPECT_THAT(refused("d /x - - - soon"), HasSubstr("no time"));
    EXPECT_THAT(refused("d \"/x"), HasSubstr("quote"));
    EXPECT_THAT(refused("d /x\\q"), HasSubstr("C escape"));
    EXPECT_THAT(refused("f /x - - - - \\q"), HasSubstr("C escape"));
    EXPECT_THAT(refused("f~ /x - - - - a"), HasSubstr("base64"));
    EXPECT_THAT(refused("w /x"), HasSubstr("no argument"));
}

TEST(SetupLine, PrefixesOfModeAndOwner) {
    const SetupStep step = step_of("z /x ~:0640 :app :adm");
    EXPECT_TRUE(step.mode_masked && step.mode_only_new && step.user_only_new && step.group_only_new);
    EXPECT_EQ(step.mode, 0640U);
    EXPECT_EQ(step.user, "app");
}

TEST(SetupLine, QuotesAndEscapes) {
    EXPECT_EQ(step_of(R"(d "/a b/\x41\101\u00e9" 0755)").path, "/a b/AA\u00e9");
    EXPECT_EQ(step_of(R"(d '/a"b')").path, "/a\"b");
    EXPECT_EQ(step_of(R"(f /x - - - - \x20two\nlines  here )").argument, " two\nlines  here");
    EXPECT_EQ(step_of(R"(f /x - - - - "kept")").argument, "\"kept\"");
    EXPECT_EQ(step_of("f~ /x - - - - SGVsbG8gJXUA").argument, std::string("Hello %%u\0", 10));
}

TEST(SetupLine, AgesAreCheckedAndNothingMore) {
    for (const char* const age : {"0", "10d", "~1w", "bmA:1h", "1h 5min", "aAbBcCmM:~10d"}) {
        const std::string line = std::string("d /x - - - \"") + age + "\"";
        EXPECT_TRUE(parse_setup_line(line, "x")) << age;
    }
}

TEST(ResolvedLine, NamesAreLookedUpAndSpecifiersReplaced) {
    const auto step = resolved("f /run//%u/./x%% 0640 app adm - %b%%");
    ASSERT_TRUE(step) << step.error().line;
    EXPECT_EQ(step->path, "/run/<u>/x%");
    EXPECT_EQ(step->uid, 1000U);
    EXPECT_EQ(step->gid, 4U);
    EXPECT_EQ(step->argument, "<b>%");
    EXPECT_EQ(resolved("d /var/run/x - 7 8")->path, "/run/x");
    EXPECT_EQ(resolved("d /x - 7 8")->uid, 7U);
    EXPECT_EQ(resolved("L /etc/motd")->argument, "/usr/share/factory/etc/motd");
    EXPECT_EQ(resolved("C /etc/pam.d")->argument, "/usr/share/factory/etc/pam.d");
}

TEST(ResolvedLine, RefusesWhatLeadsNowhere) {
    for (const auto& [line, says] :
         {std::pair("d /x - nobody", "names no user"), std::pair("d /x - - nogroup", "names no group"),
          std::pair("d /x%k", "specifier"), std::pair("d /x%", "specifier"), std::pair("d run", "not an absolute path"),
          std::pair("d /a/../b", ".."), std::pair("d /", "\"/\" is the whole file system"),
          std::pair("R /", "\"/\" is"), std::pair("C /x - - - - y", "absolute path to copy")}) {
        const auto step = resolved(line);
        ASSERT_FALSE(step) << line;
        EXPECT_EQ(step.error().code, ExitCode::kUsage);
        EXPECT_THAT(step.error().line, HasSubstr(says)) << line;
    }
}

std::vector<std::string> order_of(std::string_view file) {
    std::vector<std::string> lines;
    for (const SetupStep& step : in_order_of_work(parse_setup_file(file, "f").value())) {
        lines.push_back(setup_line(step, ""));
    }
    return lines;
}

TEST(FileOrder, RemovalsThenPathsFromAboveThenPatterns) {
    EXPECT_THAT(
        order_of("z /run/a/*\nd /run/a/b\nf /run/z\nd /run/a\nR /run/a/*\n"),
        ElementsAre("R /run/a/* - - -", "d /run/a - - -", "d /run/a/b - - -", "f /run/z - - -", "z /run/a/* - - -"));
}

TEST(FileOrder, TheFirstLineForAPathCounts) {
    EXPECT_THAT(order_of("d /a 0700\nd /a 0755\nf /a\nz /a 0711\n"), ElementsAre("d /a 0700 - -", "z /a 0711 - -"));
    EXPECT_THAT(order_of("w+ /a - - - - 1\nw+ /a - - - - 2\n"), ElementsAre("w+ /a - - - - 1", "w+ /a - - - - 2"));
}

TEST(FileOrder, ASignMakesNoOtherLineOfItAndATypeThatAgreesNeither) {
    EXPECT_THAT(
        order_of(
            "f /a - - - - 1\nf+ /a - - - - 2\nL+ /b - - - - 1\nL+ /b - - - - 2\nw /c - - - - 1\nw+ /c - - - - 2\n"),
        ElementsAre("f /a - - - - 1", "L+ /b - - - - 1", "w /c - - - - 1"));
    EXPECT_THAT(order_of("d /a\nD /a\nf /b\nd /b\nd /c - - - 10d\nD /c\n"),
                ElementsAre("d /a - - -", "D /a - - -", "f /b - - -", "d /c - - -"));
}

TEST(SetupLineText, IsTheLineAgain) {
    for (const char* const line :
         {"d /run/app 0750 app adm", "L+ /a - - - - /b", "z= /x ~:0640 :app -", "R- /x/* - - -"}) {
        EXPECT_EQ(setup_line(step_of(line), "1 2"), line);
    }
    EXPECT_EQ(setup_line({.kind = SetupKind::kOwn, .path = "/d", .mode = 0750, .file_mode = 0640}, "1 2"),
              "Z /d 0750/0640 1 2");
}

TEST(Braces, MultiplyAsInAShell) {
    EXPECT_THAT(setup::expand_braces("/a{b,c}d"), ElementsAre("/abd", "/acd"));
    EXPECT_THAT(setup::expand_braces("/{a,b{c,d}}"), ElementsAre("/a", "/bc", "/bd"));
    EXPECT_THAT(setup::expand_braces("/{a,}{b,c}"), ElementsAre("/ab", "/ac", "/b", "/c"));
    EXPECT_THAT(setup::expand_braces("/a{b}c{"), ElementsAre("/a{b}c{"));
}

} // namespace
} // namespace stepdown::plan
