#include <algorithm>
#include <cerrno>
#include <set>

#include <linux/seccomp.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "confine/recording.hpp"
#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::set<std::string> kAlways = {"execve", "exit",         "exit_group",     "pread64",      "prctl",
                                       "read",   "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall",
                                       "write"};

Result<Profile> read_back(const Recording& recording) {
    return read_profile(profile_text(recording.records()), this_machine());
}

std::set<std::string> names_in(const Profile& profile) {
    std::set<std::string> names;
    for (const Rule& rule : profile.rules) {
        names.insert(rule.names.begin(), rule.names.end());
    }
    return names;
}

seccomp_data seen(std::string_view name, std::initializer_list<std::uint64_t> args = {}) {
    return call_of(name, args, native_architecture());
}

Action under(const Profile& profile, std::string_view name, std::initializer_list<std::uint64_t> args = {}) {
    return *evaluate(*compile(profile), seen(name, args));
}

TEST(Recording, AnEmptyOneHasWhatEveryStartNeeds) {
    const auto profile = read_back(Recording());
    ASSERT_TRUE(profile) << profile.error().line;
    EXPECT_EQ(names_in(*profile), kAlways);
    EXPECT_EQ(under(*profile, "prctl", {21}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(under(*profile, "prctl", {22}), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST(Recording, NothingIsAllowedThatWasNotSeen) {
    Recording recording;
    const seccomp_data calls[] = {seen("openat", {1, 2, 3, 4}),  seen("socket", {2, 1, 6}),
                                  seen("socket", {16, 3, 0}),    seen("ioctl", {5, 0x5401, 99}),
                                  seen("mmap", {0, 4096, 5, 2}), seen("clone", {0x3d0f00, 7}),
                                  seen("unshare", {0x200})};
    for (const seccomp_data& call : calls) {
        recording.note(call, 0, kSteady);
    }
    const auto profile = read_back(recording);
    ASSERT_TRUE(profile) << profile.error().line;
    const auto program = *compile(*profile);
    for (const seccomp_data& call : calls) {
        EXPECT_EQ(evaluate(program, call), SECCOMP_RET_ALLOW) << call.nr;
    }
    std::set<std::string> names = kAlways;
    names.insert({"openat", "socket", "ioctl", "mmap", "clone", "unshare"});
    EXPECT_EQ(names_in(*profile), names);
    constexpr Action kNo = SECCOMP_RET_ERRNO | ENOSYS;
    EXPECT_EQ(under(*profile, "socket", {2, 3, 0}), SECCOMP_RET_ALLOW) << "the type is not noted";
    EXPECT_EQ(under(*profile, "socket", {10}), kNo);
    EXPECT_EQ(under(*profile, "socket", {16, 3, 9}), kNo) << "another netlink protocol";
    EXPECT_EQ(under(*profile, "ioctl", {5, 0x5412}), kNo);
    EXPECT_EQ(under(*profile, "ioctl", {5, 0x100005401}), SECCOMP_RET_ALLOW) << "the kernel reads 32 bits";
    EXPECT_EQ(under(*profile, "mmap", {0, 4096, 7}), kNo) << "writable and executable";
    EXPECT_EQ(under(*profile, "clone", {0x10000011}), kNo);
    EXPECT_EQ(under(*profile, "unshare", {0x10000000}), kNo);
    EXPECT_EQ(under(*profile, "ptrace"), kNo);
}

TEST(Recording, LimitsAreTheAppsOwnNotThoseOfPid1) {
    Recording recording;
    recording.note(seen("prlimit64", {0, 7}), 0, kStartup);
    const auto merged = read_records(profile_text(recording.records()));
    ASSERT_TRUE(merged) << merged.error().line;
    const auto profile = read_profile(profile_text(*merged), this_machine());
    ASSERT_TRUE(profile) << profile.error().line;
    EXPECT_EQ(under(*profile, "prlimit64", {0, 7}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(under(*profile, "prlimit64", {1, 0}), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST(Recording, ARefusalIsRecordedAsOne) {
    Recording recording;
    recording.note(seen("socket", {38}), 97, kStartup);
    recording.note(seen("socket", {1}), 0, kStartup);
    recording.note(seen("mount"), 1, kStartup);
    recording.note(seen("clone3"), ENOSYS, kStartup);
    const auto profile = read_back(recording);
    ASSERT_TRUE(profile) << profile.error().line;
    EXPECT_EQ(under(*profile, "socket", {38}), SECCOMP_RET_ERRNO | 97);
    EXPECT_EQ(under(*profile, "socket", {1}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(under(*profile, "mount"), SECCOMP_RET_ERRNO | 1);
    EXPECT_EQ(under(*profile, "clone3"), SECCOMP_RET_ERRNO | ENOSYS);
    EXPECT_THAT(names_in(*profile), Not(Contains("clone3"))) << "the default says so anyway";
}

TEST(Recording, WhatNoRuleCanTellApartIsLetThroughAndNamed) {
    Recording recording;
    recording.note(seen("kill", {1, 9}), 0, kSteady);
    recording.note(seen("kill", {2, 9}), 1, kSteady);
    EXPECT_THAT(recording.records().doubtful, ElementsAre("kill"));
    EXPECT_EQ(under(*read_back(recording), "kill"), SECCOMP_RET_ALLOW);
}

TEST(Recording, PhasesAreToldApartByTheComment) {
    Recording recording;
    recording.note(seen("openat"), 0, kLaunch);
    recording.note(seen("chdir"), 0, kStartup);
    recording.note(seen("epoll_pwait"), 0, kStartup);
    recording.note(seen("epoll_pwait"), 0, kSteady);
    recording.note(seen("read"), 0, kSteady);
    const auto phases = [](const Records& records, std::string_view name) {
        return std::ranges::find(records.calls, name, &Recorded::name)->phases;
    };
    const auto back = read_records(profile_text(recording.records()));
    ASSERT_TRUE(back) << back.error().line;
    EXPECT_EQ(phases(*back, "openat"), unsigned{kLaunch});
    EXPECT_EQ(phases(*back, "chdir"), unsigned{kStartup});
    EXPECT_EQ(phases(*back, "epoll_pwait"), unsigned{kSteady});
    EXPECT_EQ(phases(*back, "read"), unsigned{kSteady});
}

TEST(Recording, ReadingBackAndWritingAgainChangesNothing) {
    Recording recording;
    recording.note(seen("socket", {2}), 0, kStartup);
    recording.note(seen("socket", {38}), 97, kStartup);
    recording.note(seen("mmap", {0, 0, 3}), 0, kSteady);
    const std::string text = profile_text(recording.records());
    EXPECT_EQ(profile_text(*read_records(text)), text);
    Records twice = *read_records(text);
    std::ranges::copy(read_records(text)->calls, std::back_inserter(twice.calls));
    EXPECT_EQ(profile_text(twice), text) << "merged with itself";
}

TEST(Recording, MergingAllowsWhatAnyAllows) {
    Recording first;
    Recording second;
    first.note(seen("mount"), 1, kStartup);
    first.note(seen("chdir"), 0, kStartup);
    second.note(seen("mount"), 0, kSteady);
    second.note(seen("chdir"), 0, kSteady);
    Records all = first.records();
    std::ranges::copy(second.records().calls, std::back_inserter(all.calls));
    const std::string text = profile_text(all);
    const auto profile = read_profile(text, this_machine());
    EXPECT_EQ(under(*profile, "mount"), SECCOMP_RET_ALLOW);
    EXPECT_THAT(text, Not(HasSubstr("start-up only")));
}

TEST(Recording, WhatOneFilterHasNoRoomForIsAllowedWithAllArguments) {
    Recording recording;
    for (std::uint64_t request = 0; request < Recording::kMost - 10; ++request) {
        recording.note(seen("ioctl", {0, 0x10000 + request * 3}), 0, kSteady);
    }
    recording.note(seen("socket", {2}), 0, kSteady);
    Records records = recording.records();
    EXPECT_FALSE(read_profile(profile_text(records), this_machine()).and_then(compile));
    EXPECT_THAT(fit(records), ElementsAre("ioctl"));
    const auto profile = read_profile(profile_text(records), this_machine());
    ASSERT_TRUE(profile.and_then(compile));
    EXPECT_EQ(under(*profile, "ioctl", {0, 1}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(under(*profile, "socket", {3}), SECCOMP_RET_ERRNO | ENOSYS);
    EXPECT_THAT(fit(records), ::testing::IsEmpty());
}

TEST(Recording, OneOfAnotherMachineIsNotMerged) {
    const Result<Records> read = read_records(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
                         "architectures": ["SCMP_ARCH_MIPS"],
                         "syscalls": [{"names": ["read", "execve"], "action": "SCMP_ACT_ALLOW"}]})");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().line, HasSubstr("another machine: SCMP_ARCH_MIPS"));
}

TEST(Recording, OtherProfilesAreNoRecordings) {
    EXPECT_THAT(read_records(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                                 {"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]})")
                    .error()
                    .line,
                HasSubstr("no recording"));
    EXPECT_THAT(read_records(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
                                 {"names": ["mount"], "action": "SCMP_ACT_KILL"}]})")
                    .error()
                    .line,
                HasSubstr("syscalls[0]"));
    EXPECT_FALSE(read_records("{"));
}

TEST(Recording, CountsWhatItHasNoRoomFor) {
    Recording recording;
    for (std::uint64_t request = 0; request < Recording::kMost + 5; ++request) {
        recording.note(seen("ioctl", {0, request}), 0, kSteady);
    }
    EXPECT_EQ(recording.lost(), 5U);
    recording.note(seen("ioctl", {0, 1}), 0, kSteady);
    EXPECT_EQ(recording.lost(), 5U) << "one that is there already";
}

TEST(Recording, TheMachinesOtherCallsNameTheirArchitecture) {
    const Architecture other = native_architecture() == Architecture::kX86_64 ? Architecture::kX86 : Architecture::kArm;
    Recording recording;
    recording.note(seen("openat"), 0, kSteady);
    EXPECT_THAT(recording.records().architectures, ElementsAre(native_architecture()));
    recording.note(call_of("openat", {}, other), 0, kSteady);
    EXPECT_THAT(recording.records().architectures, ElementsAre(native_architecture(), other));
    recording.note({.nr = 9999, .arch = 1, .instruction_pointer = 0, .args = {}}, 0, kSteady);
    EXPECT_EQ(recording.records().calls.size(), 1U) << "the same call, and none of this kernel's";
}

} // namespace
} // namespace stepdown::testing
