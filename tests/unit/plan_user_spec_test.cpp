#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/user_spec.hpp"

namespace stepdown::plan {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPasswd = "root:x:0:0:root:/root:/bin/bash\n"
                                     "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                                     "games:x:5:60:games:/usr/games:/usr/sbin/nologin\n"
                                     "app:x:1000:1001::/home/app:\n"
                                     "homeless:x:1002:1002:::/bin/zsh\n"
                                     "relative:x:1003:1003::srv/app:bin/sh\n"
                                     "1004:x:0:0::/root:/bin/sh\n"
                                     "broken:x::0::/root:/bin/sh\n"
                                     "second:x:1000:7::/second:/bin/sh\n";
constexpr std::string_view kGroup = "root:x:0:\n"
                                    "daemon:x:1:\n"
                                    "games:x:60:\n"
                                    "web:x:33:\n"
                                    "12:x:0:\n"
                                    "nogid:x::\n";

const Source kFlag = {SourceKind::kFlag, "--user"};

Result<Identity> resolve(std::string_view spec) { return resolve_user(spec, kPasswd, kGroup, kFlag, 1000); }

struct Case {
    std::string_view spec;
    uid_t uid;
    gid_t gid;
    std::string_view name;
    std::string_view home;
};

// gosu's table, with the ids a bare number has by our rule: its own group where passwd has none.
class Resolves : public testing::TestWithParam<Case> {};

TEST_P(Resolves, ToTheIdsAndTheHomeOfTheSpec) {
    const auto identity = resolve(GetParam().spec);
    ASSERT_TRUE(identity) << identity.error().line;
    EXPECT_EQ(identity->uid, GetParam().uid);
    EXPECT_EQ(identity->gid, GetParam().gid);
    EXPECT_EQ(identity->user_name, GetParam().name);
    EXPECT_EQ(identity->home, GetParam().home);
}

INSTANTIATE_TEST_SUITE_P(
    Specs, Resolves,
    testing::Values(Case{"0", 0, 0, "root", "/root"}, Case{"0:0", 0, 0, "root", "/root"},
                    Case{"root", 0, 0, "root", "/root"}, Case{"0:root", 0, 0, "root", "/root"},
                    Case{"root:0", 0, 0, "root", "/root"}, Case{"root:root", 0, 0, "root", "/root"},
                    Case{"1000", 1000, 1001, "app", "/home/app"}, // its passwd entry's gid
                    Case{"2000", 2000, 2000, "", "/"},            // never gid 0
                    Case{"0:1000", 0, 1000, "root", "/root"}, Case{"1000:1000", 1000, 1000, "app", "/home/app"},
                    Case{"root:1000", 0, 1000, "root", "/root"}, Case{"1000:root", 1000, 0, "app", "/home/app"},
                    Case{"1000:daemon", 1000, 1, "app", "/home/app"}, Case{"games", 5, 60, "games", "/usr/games"},
                    Case{"games:daemon", 5, 1, "games", "/usr/games"}, Case{"app:web", 1000, 33, "app", "/home/app"},
                    Case{"2000:33", 2000, 33, "", "/"}, Case{":web", 1000, 33, "app", "/home/app"},
                    Case{":0", 1000, 0, "app", "/home/app"}, Case{"homeless", 1002, 1002, "homeless", "/"},
                    Case{"relative", 1003, 1003, "relative", "/"},
                    Case{"1004", 1004, 1004, "", "/"}, // digits are a number, whatever a name says
                    Case{"app:12", 1000, 12, "app", "/home/app"}, Case{"4294967294", 4294967294, 4294967294, "", "/"}));

class Refuses : public testing::TestWithParam<std::string_view> {};

TEST_P(Refuses, WithOneLineThatNamesTheSpecAndItsPlace) {
    const auto identity = resolve(GetParam());
    ASSERT_FALSE(identity) << identity->uid;
    EXPECT_EQ(identity.error().code, ExitCode::kUsage);
    EXPECT_THAT(identity.error().line, testing::StartsWith("--user: \"" + std::string(GetParam()) + "\""));
    EXPECT_EQ(identity.error().line.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Specs, Refuses,
                         testing::Values("bogus", "0day", "0:bogus", "0:0day", "", " ", ":",
                                         "0:", "app:", "root:", " 0", "0 ", "app ", " app", "-1", "+1", "-0", "0x0",
                                         "0x3e8", "00", "0000", "01000", "4294967295", "4294967296", "4294968296",
                                         ":4294967296:1", "4294967296:1", "99999999999999999999", "app:4294967295",
                                         "app:4294967296", "app:-1", "app:+33", "app:033", "app: 33", ":4294967295",
                                         "app:web:x", "app::web", "::", "app:web:", "broken", "nobody", "app:nogid",
                                         ":nogid", "1000.1000", "1e3", "App", "ap", "#1000", "app,web"));

TEST(ResolveUser, SaysWhatIsWrongAndWhatWouldBeRight) {
    const auto line = [](std::string_view spec) { return resolve(spec).error().line; };
    EXPECT_EQ(line("bogus"), "--user: \"bogus\": names no user of this image: add it to /etc/passwd or use a number");
    EXPECT_EQ(line("broken"),
              "--user: \"broken\": names no user of this image: line 8 of /etc/passwd has the name but is malformed");
    EXPECT_EQ(line("app:nogid"), "--user: \"app:nogid\": \"nogid\" names no group of this image: line 6 of /etc/group "
                                 "has the name but is malformed");
    EXPECT_EQ(line("4294967296"),
              "--user: \"4294967296\": is not a plain decimal number from 0 to 4294967294, without sign, blank "
              "or leading zero");
    EXPECT_EQ(line("app:"), "--user: \"app:\": has no group after the colon: write USER, USER:GROUP or :GROUP");
    EXPECT_EQ(line("a:b:c"), "--user: \"a:b:c\": has more than one colon: write USER[:GROUP]");
}

TEST(ResolveUser, NumbersNeedNoFiles) {
    const auto identity = resolve_user("1000:33", "", "", kFlag, 0);
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->uid, 1000U);
    EXPECT_EQ(identity->gid, 33U);
    EXPECT_EQ(identity->home, "/");
    EXPECT_EQ(identity->shell, "/bin/sh");
    EXPECT_THAT(resolve_user("app", "", "", kFlag, 0).error().line,
                HasSubstr("/etc/passwd is missing or empty: use numbers"));
    EXPECT_THAT(resolve_user("1:web", "", "", kFlag, 0).error().line,
                HasSubstr("/etc/group is missing or empty: use numbers"));
}

TEST(ResolveUser, AMalformedPasswdNeverGivesRoot) {
    for (const std::string_view passwd : {"app", "app:", "+::::::", "app:x:::::", "app:x::0::/:/bin/sh",
                                          "app:x:4294967296:0::/:", "app:x:0", "app::0:0", "app:x: 0:0:::"}) {
        EXPECT_FALSE(resolve_user("app", passwd, "", kFlag, 0)) << passwd;
        EXPECT_FALSE(resolve_user("+", passwd, "", kFlag, 0)) << passwd;
        EXPECT_EQ(resolve_user("1000", passwd, "", kFlag, 0)->gid, 1000U) << passwd;
    }
}

TEST(ResolveUser, ShellIsTheEntrysIfItIsAPath) {
    EXPECT_EQ(resolve("homeless")->shell, "/bin/zsh");
    EXPECT_EQ(resolve("app")->shell, "/bin/sh");
    EXPECT_EQ(resolve("relative")->shell, "/bin/sh");
}

TEST(ResolveUser, AGroupAloneKeepsTheCurrentUser) {
    EXPECT_EQ(resolve_user(":web", kPasswd, kGroup, kFlag, 4321)->uid, 4321U);
    EXPECT_EQ(resolve_user(":web", kPasswd, kGroup, kFlag, 4321)->home, "/");
    EXPECT_EQ(resolve_user(":web", kPasswd, kGroup, kFlag, 0)->uid, 0U) << "root is refused later, by check()";
}

} // namespace
} // namespace stepdown::plan
