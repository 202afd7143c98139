#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include <unistd.h>

#include "cli_parse.hpp"

namespace stepdown::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Config : public testing::Test {
  protected:
    void SetUp() override { FakeFile::clear(); }

    static std::string refused(const std::string& text) {
        FakeFile::set("/etc/stepdown.toml", text);
        return refusal(parse_words({"x"}));
    }
};

TEST_F(Config, TheDefaultFileMayBeAbsentANamedOneMayNot) {
    FakeFile::reads = 0;
    EXPECT_TRUE(parse_words({"x"}));
    EXPECT_EQ(FakeFile::reads, 1);
    EXPECT_EQ(refusal(parse_words({"--config=/c.toml", "x"})),
              "--config: /c.toml: cannot be read: No such file or directory");
    EXPECT_EQ(refusal(parse_words({"x"}, {"STEPDOWN_CONFIG=/d.toml"})),
              "STEPDOWN_CONFIG: /d.toml: cannot be read: No such file or directory");
}

TEST_F(Config, AFlagsFileIsReadInsteadOfAVariables) {
    FakeFile::set("/flag.toml", "user = \"app\"\n");
    EXPECT_EQ(parse_words({"--config=/flag.toml", "x"}, {"STEPDOWN_CONFIG=/variable.toml"})->plan.user_spec, "app");
}

TEST_F(Config, EveryTypeIsRead) {
    FakeFile::set("/etc/stepdown.toml",
                  "user = 'app'\nallow-root = true\nown = ['/a', '/b']\nmkdir = []\nno-init = false\n");
    const auto parsed = parse_words({"x"});
    ASSERT_TRUE(parsed) << refusal(parsed);
    EXPECT_EQ(parsed->plan.user_spec, "app");
    EXPECT_TRUE(parsed->plan.allow_root);
    EXPECT_TRUE(parsed->plan.init);
    EXPECT_EQ(parsed->plan.setup.size(), 2U);
}

TEST_F(Config, AnUnknownKeyIsAnErrorNamingTheLineAndTheNearest) {
    EXPECT_EQ(refused("\nusers = \"app\"\n"), "/etc/stepdown.toml:2: users: no such key; did you mean user?");
    EXPECT_EQ(refused("allow_root = true\n"),
              "/etc/stepdown.toml:1: allow_root: no such key; did you mean allow-root?");
    EXPECT_THAT(refused("basket = 1\n"), StartsWith("/etc/stepdown.toml:1: basket: no such key; see stepdown --help"));
    EXPECT_THAT(refused("[section]\nuser = 'app'\n"), StartsWith("/etc/stepdown.toml:1: section: no such key"));
    EXPECT_EQ(refused("check = true\n"),
              "/etc/stepdown.toml:1: check: cannot be set in a file: write it on the command line");
    EXPECT_EQ(refused("config = '/x'\n"),
              "/etc/stepdown.toml:1: config: cannot be set in a file: write it on the command line");
}

TEST_F(Config, AWrongTypeIsAnError) {
    EXPECT_EQ(refused("user = 1000\n"), "/etc/stepdown.toml:1: user: takes a string, not a number: put it in quotes");
    EXPECT_EQ(refused("user = ['app']\n"), "/etc/stepdown.toml:1: user: takes a string, not a list");
    EXPECT_EQ(refused("allow-root = 'true'\n"), "/etc/stepdown.toml:1: allow-root: takes true or false, not a string");
    EXPECT_EQ(refused("allow-root = 1\n"),
              "/etc/stepdown.toml:1: allow-root: takes true or false, not a number: put it in quotes");
    EXPECT_EQ(refused("own = '/a'\n"), "/etc/stepdown.toml:1: own: takes a list of strings, not a string");
    EXPECT_EQ(refused("own = [\n'/a',\n['/b']]\n"), "/etc/stepdown.toml:3: own: takes a list of strings, not a list")
        << "the line of the item";
    EXPECT_EQ(refused("user.name = 'app'\n"),
              "/etc/stepdown.toml:1: user: takes a string, not a table: there are none in this file");
    EXPECT_EQ(refused("user = 1979-05-27\n"), "/etc/stepdown.toml:1: user: takes a string, not a date or time");
}

TEST_F(Config, ABadValueNamesItsLineAndKey) {
    EXPECT_EQ(refused("user = 'app'\nlog-level = 'loud'\n"),
              "/etc/stepdown.toml:2: log-level: \"loud\" is not one of error, warn, info, debug");
}

TEST_F(Config, TextThatIsNotTomlIsOneLineWithItsNumber) {
    for (const char* text :
         {"user\n", "user = \n", "user = 'app\n", "user = 'a'\nuser = 'b'\n", "[", "own = ['/a'", "= 1", "user == 'a'",
          "\"\"\"", "user = 'a' x", "\x01", "user = \"\\x\"", "\xff\xfe = 1"}) {
        const std::string line = refused(text);
        EXPECT_THAT(line, StartsWith("/etc/stepdown.toml:")) << text;
        EXPECT_THAT(line, HasSubstr("not TOML: ")) << text;
        EXPECT_EQ(line.find('\n'), std::string::npos) << text;
    }
}

TEST_F(Config, TextThatIsNotUtf8IsRefused) {
    for (const char* bad :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
          "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x92", "\xff"}) {
        EXPECT_EQ(refused(std::string("# one\nuser = 'a") + bad + "'\n"),
                  "/etc/stepdown.toml:2: not TOML: Encountered invalid utf-8 sequence");
    }
    for (const char* good : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80",
                             "\xf4\x8f\xbf\xbf"}) {
        EXPECT_THAT(refused(std::string("# ") + good + "\nuser = ''\n"), HasSubstr("\"\" is empty"))
            << "read to its second line";
    }
}

TEST_F(Config, BracketsWithoutEndAreRefused) {
    EXPECT_THAT(refused("own = " + std::string(100000, '[')),
                StartsWith("/etc/stepdown.toml:1: not TOML: Error while parsing value: exceeded maximum nested value"));
    std::string tables = "own = ";
    for (int i = 0; i < 100000; ++i) {
        tables += "{a=";
    }
    EXPECT_THAT(refused(tables), HasSubstr("exceeded maximum nested value"));
}

TEST_F(Config, WhatIsNoKeyIsRefused) {
    for (const char* const text :
         {"[/]\n", "[[/]]\n", "[=]\n", "[\x01]\n", "[ü]\n", "[#]\n", "[\n", "[[\n", "[.a]\n"}) {
        EXPECT_THAT(refused(text), HasSubstr("expected bare key")) << text;
    }
    // White space is what TOML says, a space and a tab; what else a file has there is named.
    for (const char* const text : {"[a\u00fc]\n", "[a\ufef6]\n", "user \u00fc= 'a'\n", "user = 'a' \ufef6\n"}) {
        EXPECT_THAT(refused(text), HasSubstr("not TOML")) << text;
    }
}

TEST_F(Config, AKeyOfPartsWithoutEndIsRefused) {
    const auto parts = [](int count) {
        std::string key = "a";
        for (int i = 0; i < count; ++i) {
            key += ".a";
        }
        return key;
    };
    constexpr auto kTooMany = "/etc/stepdown.toml:2: too many dots: no key has more than a few parts";
    EXPECT_EQ(refused("\n" + parts(100000) + " = 1\n"), kTooMany);
    EXPECT_EQ(refused("\n[" + parts(257) + "]\n"), kTooMany);
    std::string deepest = "[" + parts(256) + "]\n";
    for (int i = 0; i < 15; ++i) {
        deepest += parts(256) + " = {";
    }
    EXPECT_THAT(refused(deepest + "a = 1" + std::string(15, '}')), StartsWith("/etc/stepdown.toml:1: a: no such key"));
    EXPECT_EQ(refused("user = 'a" + std::string(256, '.') + "'\n"), "") << "in a string that many are fine";
}

TEST_F(Config, AFileThatOthersMayWriteDecidesNothing) {
    constexpr mode_t kFile = S_IFREG;
    const auto with = [](uid_t owner, mode_t mode) {
        FakeFile::set("/etc/stepdown.toml", "user = 'app'\n", owner, mode);
        return refusal(parse_words({"x"}));
    };
    EXPECT_EQ(with(0, kFile | 0644), "");
    EXPECT_EQ(with(0, kFile | 0400), "");
    EXPECT_EQ(with(1000, kFile | 0600), "") << "this process's own user";
    EXPECT_EQ(with(1001, kFile | 0644),
              "/etc/stepdown.toml: belongs to uid 1001, who could change it: the owner must be root, chown 0 it");
    EXPECT_EQ(with(0, kFile | 0664), "/etc/stepdown.toml: may be written by others than its owner: chmod go-w it");
    EXPECT_EQ(with(0, kFile | 0646), "/etc/stepdown.toml: may be written by others than its owner: chmod go-w it");
    EXPECT_EQ(with(0, S_IFDIR | 0755), "/etc/stepdown.toml: is not a regular file");
    EXPECT_EQ(with(0, S_IFIFO | 0600), "/etc/stepdown.toml: is not a regular file");
}

// The door to the real file system.
class ReadFileTest : public testing::Test {
  protected:
    void SetUp() override {
        directory_ = testing::TempDir() + "stepdown-read-" + std::to_string(::getpid());
        ASSERT_EQ(::mkdir(directory_.c_str(), 0700), 0);
    }
    void TearDown() override {
        for (const char* name : {"/file", "/fifo"}) {
            ::unlink((directory_ + name).c_str());
        }
        EXPECT_EQ(::rmdir(directory_.c_str()), 0);
    }
    std::string directory_;
};

TEST_F(ReadFileTest, WholeFilesOfAnySize) {
    const std::string path = directory_ + "/file";
    for (const std::size_t size : {0UL, 1UL, 4095UL, 4096UL, 100000UL, 1UL << 20}) {
        const std::string text(size, 'x');
        std::ofstream(path) << text;
        ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
        const auto file = read_file(path.c_str());
        ASSERT_TRUE(file) << size;
        EXPECT_EQ(file->text, text) << size;
        EXPECT_EQ(file->mode, mode_t{S_IFREG | 0640});
        EXPECT_EQ(file->owner, ::geteuid());
    }
    std::ofstream(path) << std::string((1 << 20) + 1, 'x');
    EXPECT_EQ(read_file(path.c_str()).error(), EFBIG);
}

TEST_F(ReadFileTest, WhatIsNoFileIsNotReadAndDoesNotHang) {
    const std::string fifo = directory_ + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_TRUE(S_ISFIFO(read_file(fifo.c_str())->mode));
    EXPECT_TRUE(S_ISDIR(read_file(directory_.c_str())->mode));
    EXPECT_EQ(read_file((directory_ + "/absent").c_str()).error(), ENOENT);
}

} // namespace
} // namespace stepdown::cli
