#include <gtest/gtest.h>

#include "plan/accounts.hpp"

namespace stepdown::plan {
namespace {

TEST(ParseId, TakesPlainDecimalsOfThirtyTwoBits) {
    EXPECT_EQ(parse_id("0"), 0U);
    EXPECT_EQ(parse_id("1000"), 1000U);
    EXPECT_EQ(parse_id("4294967294"), 4294967294U);
}

// Each of these is uid 0, or another uid than written, to some program in use.
TEST(ParseId, RefusesEverythingElse) {
    using std::string_view_literals::operator""sv;
    for (const std::string_view text : {""sv,
                                        " "sv,
                                        " 0"sv,
                                        "0 "sv,
                                        "\t0"sv,
                                        "0\n"sv,
                                        "+0"sv,
                                        "-0"sv,
                                        "-1"sv,
                                        "+1"sv,
                                        "0x0"sv,
                                        "0x3e8"sv,
                                        "00"sv,
                                        "0000"sv,
                                        "01000"sv,
                                        "4294967295"sv,
                                        "4294967296"sv,
                                        "4294968296"sv,
                                        "18446744073709551616"sv,
                                        "99999999999999999999999"sv,
                                        "0day"sv,
                                        "1000a"sv,
                                        "1e3"sv,
                                        "1000.0"sv,
                                        "1,000"sv,
                                        "1_000"sv,
                                        "\0"sv,
                                        "0\0"sv,
                                        "١"sv,
                                        "٠"sv,
                                        "!"sv,
                                        "*"sv}) {
        EXPECT_EQ(parse_id(text), std::nullopt) << text;
    }
}

TEST(ParseAccount, TakesALineAsTheManualPageHasIt) {
    const auto account = parse_account("app:x:1000:1001:An App,,,:/home/app:/bin/bash");
    ASSERT_TRUE(account);
    EXPECT_EQ(account->name, "app");
    EXPECT_EQ(account->uid, 1000U);
    EXPECT_EQ(account->gid, 1001U);
    EXPECT_EQ(account->home, "/home/app");
    EXPECT_EQ(account->shell, "/bin/bash");
    EXPECT_TRUE(parse_account("app::1:1:::")) << "password, gecos, home and shell may be empty";
}

TEST(ParseAccount, AMalformedLineIsNoEntry) {
    using std::string_view_literals::operator""sv;
    for (const std::string_view line : {""sv,
                                        ":"sv,
                                        "app"sv,
                                        "app:"sv,
                                        "::::::"sv,
                                        "+::::::"sv,
                                        "+app::::::"sv,
                                        "-app:x:0:0:::"sv,
                                        "+:x:0:0:::"sv,
                                        "app:x:::::"sv,
                                        "app:x::0:::"sv,
                                        "app:x:0::::"sv,
                                        "app:x:0:0::/"sv,
                                        "app:x:0:0::/:/bin/sh:"sv,
                                        "app:x:0"sv,
                                        ":x:0:0::/:/bin/sh"sv,
                                        "app:x:4294967296:0:::"sv,
                                        "app:x:4294967295:0:::"sv,
                                        "app:x:0:4294967296:::"sv,
                                        "app:x:-1:0:::"sv,
                                        "app:x: 0:0:::"sv,
                                        "app:x:0 :0:::"sv,
                                        "app:x:+0:0:::"sv,
                                        "app:x:0x0:0:::"sv,
                                        "app:x:00:0:::"sv,
                                        "#app:x:1000:1000:::"sv,
                                        "# app:x:1000:1000:::"sv,
                                        " app:x:1000:1000:::"sv,
                                        "a pp:x:1000:1000:::"sv,
                                        "app:x:1000:1000::/:/bin/sh\r"sv,
                                        "ap\0p:x:1000:1000:::"sv,
                                        "app:x:10\0:1000:::"sv,
                                        "app:x:1000:1000:\x1b[0m::"sv}) {
        EXPECT_FALSE(parse_account(line)) << line;
    }
}

TEST(ParseGroup, TakesGoodLinesOnly) {
    const auto group = parse_group("web:x:33:app,nginx");
    ASSERT_TRUE(group);
    EXPECT_EQ(group->name, "web");
    EXPECT_EQ(group->gid, 33U);
    EXPECT_EQ(group->members, "app,nginx");
    EXPECT_TRUE(parse_group("web:x:33:"));
    for (const std::string_view line :
         {"", "web", "web:x", "web:x:33", "web:x:33::", "web:x::", ":x:33:", "+:::", "-web:x:0:", "web:x:4294967295:",
          "web:x:4294967296:", "web:x:-1:", "web:x:033:", "#web:x:33:"}) {
        EXPECT_FALSE(parse_group(line)) << line;
    }
}

constexpr std::string_view kPasswd = "root:x:0:0:root:/root:/bin/bash\n"
                                     "\n"
                                     "twice:x:100:100::/first:/bin/sh\n"
                                     "broken:x::0::/:/bin/sh\n"
                                     "twice:x:200:200::/second:/bin/sh\n"
                                     "other:x:100:100::/other:/bin/sh\n"
                                     "broken:x:300:300::/good:/bin/sh\n"
                                     "last:x:400:400::/last:/bin/sh";

TEST(FindUser, TheFirstGoodLineCounts) {
    EXPECT_EQ(find_user(kPasswd, "twice")->home, "/first");
    EXPECT_EQ(find_user(kPasswd, uid_t{100})->name, "twice");
    EXPECT_EQ(find_user(kPasswd, "broken")->uid, 300U);
    EXPECT_EQ(find_user(kPasswd, "last")->uid, 400U) << "no newline at the end";
    EXPECT_FALSE(find_user(kPasswd, "absent"));
    EXPECT_FALSE(find_user(kPasswd, "roo"));
    EXPECT_FALSE(find_user(kPasswd, ""));
    EXPECT_FALSE(find_user("", "root"));
    EXPECT_FALSE(find_user(kPasswd, uid_t{300000}));
}

TEST(FindUser, AMalformedLineIsNeverUidZero) {
    constexpr std::string_view kHostile = "+::::::\napp\na:x:::::\nb:x:4294967296:0:::\n:x:0:0:::\nc:x: 0:0:::\n";
    EXPECT_FALSE(find_user(kHostile, uid_t{0}));
    for (const std::string_view name : {"+", "app", "a", "b", "", "c"}) {
        EXPECT_FALSE(find_user(kHostile, name)) << name;
    }
}

TEST(Malformed, SaysWhichLineToLookAt) {
    EXPECT_EQ(malformed_user(kPasswd, "broken"), 4U);
    EXPECT_EQ(malformed_user(kPasswd, "twice"), 0U);
    EXPECT_EQ(malformed_group("a:x:1:\nweb:x\n", "web"), 2U);
}

} // namespace
} // namespace stepdown::plan
