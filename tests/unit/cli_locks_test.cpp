#include <ranges>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/locks.hpp"
#include "cli_parse.hpp"

// A base image's floor: what its files lock, nobody after them loosens.
namespace stepdown::cli {
namespace {

using testing::HasSubstr;

class LocksTest : public testing::Test {
  protected:
    void SetUp() override { FakeFile::clear(); }

    static void base(const std::string& text) { FakeFile::set("/etc/stepdown.toml", text); }
    static void derived(const std::string& name, const std::string& text) {
        FakeFile::others["/etc/stepdown.d/" + name] = text;
    }
};

TEST_F(LocksTest, AFlagThatLoosensIsRefusedNamingTheFileAndTheKey) {
    base("seccomp = 'default'\nlock = ['seccomp']\n");
    EXPECT_EQ(refusal(parse_words({"--seccomp=off", "x"})),
              "--seccomp: \"off\" would loosen what /etc/stepdown.toml:2 locks: seccomp = \"default\"");
    EXPECT_EQ(refusal(parse_words({"x"}, {"STEPDOWN_SECCOMP=off"})),
              "STEPDOWN_SECCOMP: \"off\" would loosen what /etc/stepdown.toml:2 locks: seccomp = \"default\"");
    EXPECT_THAT(refusal(parse_words({"--seccomp=/mine.json", "x"})), HasSubstr("would loosen"))
        << "nobody can say whether another profile is stricter";
    EXPECT_TRUE(parse_words({"--seccomp=default", "x"}));
}

TEST_F(LocksTest, ADerivedImagesFileIsHeldToThemToo) {
    base("lock = ['allow-root']\n");
    derived("50-mine.toml", "\nallow-root = true\n");
    EXPECT_EQ(refusal(parse_words({"x"})), "/etc/stepdown.d/50-mine.toml:2: allow-root: \"true\" would loosen what "
                                           "/etc/stepdown.toml:1 locks: allow-root = \"false\"");
}

TEST_F(LocksTest, TighteningIsFree) {
    base("seccomp = 'off'\nallow-root = true\nreceipt = 'off'\nlock = ['seccomp', 'allow-root', 'receipt']\n");
    derived("a.toml", "seccomp = 'default'\nreceipt = '/run/mine'\n");
    const auto tightened = parse_words({"--allow-root=no", "x"}, {"STEPDOWN_RECEIPT=/run/other"});
    ASSERT_TRUE(tightened) << refusal(tightened);
    EXPECT_EQ(tightened->plan.seccomp.profile, "default");
    EXPECT_FALSE(tightened->plan.allow_root);
    EXPECT_EQ(tightened->plan.receipt, "/run/other");
}

TEST_F(LocksTest, TheFloorStaysWhereTheBaseSetIt) {
    base("seccomp = 'off'\nlock = ['seccomp']\n");
    derived("a.toml", "seccomp = 'default'\n");
    EXPECT_EQ(parse_words({"--seccomp=off", "x"})->plan.seccomp.profile, "off") << "only what locks makes a floor";
    derived("a.toml", "seccomp = 'default'\nlock = ['seccomp']\n");
    EXPECT_THAT(refusal(parse_words({"--seccomp=off", "x"})), HasSubstr("/etc/stepdown.d/a.toml:2"));
}

TEST_F(LocksTest, AListMayLoseItemsAndGainNone) {
    base("own = ['/a', '/b']\nlock = ['own', 'mkdir']\n");
    EXPECT_EQ(parse_words({"--own=/a", "x"})->plan.setup.size(), 1U);
    EXPECT_EQ(refusal(parse_words({"--own=/a", "--own=/etc", "x"})),
              "--own: \"/etc\" would loosen what /etc/stepdown.toml:2 locks: own = \"/a\", \"/b\"");
    EXPECT_THAT(refusal(parse_words({"--mkdir=/a", "x"})), HasSubstr("locks with own: mkdir unset"));
}

TEST_F(LocksTest, AListThatRefusesMayGainItemsAndLoseNone) {
    base("seccomp-deny = ['@keyring', 'ptrace']\nscope = ['signals']\nlock = ['seccomp-deny', 'scope']\n");
    EXPECT_EQ(refusal(parse_words({"--seccomp-deny=ptrace", "x"})),
              "--seccomp-deny: \"ptrace\" would loosen what /etc/stepdown.toml:3 locks: seccomp-deny = \"@keyring\", "
              "\"ptrace\"");
    EXPECT_THAT(refusal(parse_words({"x"}, {"STEPDOWN_SCOPE=abstract"})), HasSubstr("locks: scope = \"signals\""));
    const auto more = parse_words({"--seccomp-deny=@mount,ptrace,@keyring", "--scope=abstract,signals", "x"});
    ASSERT_TRUE(more) << refusal(more);
    EXPECT_EQ(more->plan.seccomp.deny.size(), 3U);
}

TEST_F(LocksTest, AListWithoutAnOrderStaysAsItIs) {
    base("before-drop = ['a', 'b']\nrlimit = ['core=0']\nlock = ['before-drop', 'rlimit']\n");
    EXPECT_TRUE(parse_words({"--before-drop=a", "--before-drop=b", "--rlimit=core=0", "x"}));
    EXPECT_THAT(refusal(parse_words({"--before-drop=a", "x"})), HasSubstr("locks: before-drop = \"a\", \"b\""));
    EXPECT_THAT(refusal(parse_words({"--before-drop=a", "--before-drop=b", "--before-drop=c", "x"})),
                HasSubstr("--before-drop: \"c\" would loosen"));
    EXPECT_THAT(refusal(parse_words({"--rlimit=core=unlimited", "x"})), HasSubstr("would loosen"));
}

TEST_F(LocksTest, WhatLoosensTheSameIsLockedToo) {
    base("user = 'app'\nrootfs = 'ro'\nlock = ['user', 'seccomp', 'rootfs']\n");
    EXPECT_EQ(refusal(parse_words({"--seccomp-learn", "x"})),
              "--seccomp-learn: \"true\" would loosen what /etc/stepdown.toml:3 locks with seccomp: seccomp-learn = "
              "\"false\"");
    EXPECT_THAT(refusal(parse_words({"--seccomp-allow=@ptrace", "x"})), HasSubstr("with seccomp: seccomp-allow unset"));
    EXPECT_THAT(refusal(parse_words({"--seccomp-lenient", "x"})), HasSubstr("with seccomp: seccomp-lenient"));
    EXPECT_THAT(refusal(parse_words({"--user-from=/data", "x"})), HasSubstr("with user: user-from unset"));
    EXPECT_THAT(refusal(parse_words({"x"}, {"STEPDOWN_USER_ENV=PUID"})), HasSubstr("with user: user-env unset"));
    EXPECT_THAT(refusal(parse_words({"--landlock=off", "x"})), HasSubstr("with rootfs: landlock = \"auto\""));
    EXPECT_THAT(refusal(parse_words({"--rw=/etc", "x"})), HasSubstr("with rootfs: rw unset"));
    EXPECT_TRUE(parse_words({"--seccomp=strict", "--seccomp-deny=@keyring", "--landlock=require", "x"}));
}

TEST_F(LocksTest, RootsWorkOnFilesIsLockedByEachOfItsNames) {
    for (const char* const key :
         {"own", "mkdir", "state", "runtime", "cache", "logs", "setup", "setup-file", "rootfs", "rw", "ro"}) {
        base(std::string("user = 'app'\nrootfs = 'ro'\nlock = ['") + key + "']\n");
        for (const std::string word : {"--own=/srv", "--mkdir=/srv", "--state=x", "--runtime=x", "--cache=x",
                                       "--logs=x", "--setup=Z /etc/passwd 0666 app app", "--setup-file=/tmp/t.conf",
                                       "--own-policy=always", "--own-allow=immutable", "--own-across-mounts"}) {
            EXPECT_THAT(refusal(parse_words({word, "x"})), HasSubstr("would loosen what /etc/stepdown.toml:3 locks"))
                << key << " " << word;
        }
        EXPECT_TRUE(parse_words({"--own-policy=skip", "x"})) << key;
    }
    base("user = 'app'\nmkdir = ['/data']\nlock = ['own']\n");
    EXPECT_TRUE(parse_words({"--mkdir=/data", "x"})) << "what it has may be repeated";
    EXPECT_THAT(refusal(parse_words({"x"}, {"STEPDOWN_STATE=evil"})), HasSubstr("with own: state unset"));
}

TEST_F(LocksTest, AVariableThatIsTakenAwayIsSetByNoOtherName) {
    base("user = 'app'\nunset = ['LD_PRELOAD']\nlock = ['unset']\n");
    for (const std::string word : {"--env=LD_PRELOAD=/x.so", "--env-file=/f", "--secret=LD_PRELOAD=/f,env"}) {
        EXPECT_THAT(refusal(parse_words({word, "x"})), HasSubstr("locks with unset")) << word;
    }
}

TEST_F(LocksTest, EveryKeyThatIsLockedTooIsOne) {
    std::size_t keys = 0;
    for (const Option& option : options()) {
        const std::string with = locked_with(option.name);
        for (const auto word : std::views::split(with, ' ')) {
            EXPECT_NE(find_option(std::string_view(word)), nullptr) << option.name;
            ++keys;
        }
    }
    EXPECT_GT(keys, 10U);
}

TEST_F(LocksTest, ATextWithoutAnOrderStaysAsItIs) {
    base("user = 'app'\nlock = ['user']\n");
    EXPECT_TRUE(parse_words({"--user=app", "x"}));
    EXPECT_THAT(refusal(parse_words({"--user=other", "x"})), HasSubstr("/etc/stepdown.toml:2 locks: user = \"app\""));
}

TEST_F(LocksTest, NoOtherFileIsReadInsteadOfOneThatLocks) {
    base("lock = ['user']\n");
    FakeFile::others["/mine.toml"] = "";
    EXPECT_EQ(refusal(parse_words({"--config=/mine.toml", "x"})),
              "--config: \"/mine.toml\" would be read instead of /etc/stepdown.toml:1, which locks user");
    EXPECT_THAT(refusal(parse_words({"x"}, {"STEPDOWN_CONFIG=/mine.toml"})), HasSubstr("which locks user"));
    base("user = 'app'\n");
    EXPECT_TRUE(parse_words({"--config=/mine.toml", "x"}));
    derived("10.toml", "lock = ['seccomp']\n");
    EXPECT_EQ(refusal(parse_words({"--config=/mine.toml", "x"})),
              "--config: \"/mine.toml\" would be read instead of /etc/stepdown.d/10.toml:1, which locks seccomp");
    EXPECT_THAT(refusal(parse_words({"--config=/etc/stepdown.toml", "x"})), HasSubstr("which locks seccomp"))
        << "the folder is not read then";
    derived("10.toml", "");
    base("lock = ['user']\n");
    EXPECT_TRUE(parse_words({"--config=/etc/stepdown.toml", "x"}));
}

TEST_F(LocksTest, WhatNothingTakesAwayMayBeNamedAmongThem) {
    base("user = 'app'\nlock = ['seccomp', 'no_new_privs', 'allow-root']\n");
    EXPECT_TRUE(parse_words({"x"}));
    EXPECT_THAT(refusal(parse_words({"--seccomp=off", "x"})), HasSubstr("locks: seccomp = \"default\""));
}

TEST_F(LocksTest, OnlyKeysAreLocked) {
    base("lock = ['seccom']\n");
    EXPECT_EQ(refusal(parse_words({"x"})), "/etc/stepdown.toml:1: lock: \"seccom\" is no key; did you mean seccomp?");
    base("lock = ['lock']\n");
    EXPECT_THAT(refusal(parse_words({"x"})), HasSubstr("lock: \"lock\" is no key"));
    EXPECT_THAT(refusal(parse_words({"--lock=user", "x"})),
                HasSubstr("--lock: is a key of the configuration file only"));
    EXPECT_THAT(refusal(parse_words({"x"}, {"STEPDOWN_LOCK=user"})), HasSubstr("STEPDOWN_LOCK: is a key of"));
}

TEST_F(LocksTest, DerivedFilesAreReadInOrderEachStrongerThanTheLast) {
    base("user = 'base'\nown = ['/base']\n");
    derived("10-a.toml", "user = 'a'\n");
    derived("20-b.toml", "user = 'b'\nown = ['/b', '/c']\n");
    const auto parsed = parse_words({"x"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    EXPECT_EQ(parsed->plan.user_spec, "b");
    ASSERT_EQ(parsed->plan.setup.size(), 2U);
    EXPECT_EQ(parsed->plan.setup.front().path, "/b");
    EXPECT_EQ(parse_words({"x"}, {"STEPDOWN_USER=e"})->plan.user_spec, "e");
}

TEST_F(LocksTest, TheFolderIsNotReadWhenAFileIsNamed) {
    derived("a.toml", "user = 'a'\n");
    FakeFile::others["/mine.toml"] = "";
    EXPECT_EQ(parse_words({"--config=/mine.toml", "x"})->plan.user_spec, "");
}

} // namespace
} // namespace stepdown::cli
