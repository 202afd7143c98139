#include <linux/seccomp.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "confine/builtin.hpp"
#include "confine/denials.hpp"
#include "confine/heard.hpp"
#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

using confine::Denial;
using confine::Denials;
using confine::Hears;

Profile profile_with(Action otherwise, std::vector<Rule> rules) {
    return {.default_action = otherwise, .architectures = {Architecture::kX86_64}, .rules = std::move(rules)};
}

std::optional<Action> answer(const std::vector<sock_filter>& program, std::string_view name,
                             std::initializer_list<std::uint64_t> args = {}) {
    return evaluate(program, call_of(name, args));
}

const Profile kApp = profile_with(SECCOMP_RET_ALLOW, {{{"mkdir", "setuid"}, SECCOMP_RET_ERRNO | 13, {}},
                                                      {{"ptrace"}, SECCOMP_RET_KILL_PROCESS, {}},
                                                      {{"getppid"}, SECCOMP_RET_LOG, {}}});
const Profile kRoot = profile_with(SECCOMP_RET_ALLOW, {{{"setuid", "getppid", "chown"}, SECCOMP_RET_ERRNO, {}},
                                                       {{"chroot", "mkdir"}, SECCOMP_RET_USER_NOTIF, {}}});

TEST(Heard, DenialsBecomeNotificationsAndNothingElseChanges) {
    const auto program = confine::heard(*compile(kApp), {}, Hears::kDenials);
    ASSERT_TRUE(program);
    EXPECT_EQ(answer(*program, "mkdir"), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(answer(*program, "ptrace"), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(answer(*program, "getppid"), SECCOMP_RET_LOG);
    EXPECT_EQ(answer(*program, "read"), SECCOMP_RET_ALLOW);
}

TEST(Heard, OfAllThatIsLetThroughOnlyKillsStay) {
    const auto program = confine::heard(*compile(kApp), *compile(kRoot), Hears::kAll);
    ASSERT_TRUE(program);
    for (const char* name : {"mkdir", "getppid", "read", "chroot"}) {
        EXPECT_EQ(answer(*program, name), SECCOMP_RET_USER_NOTIF) << name;
    }
    EXPECT_EQ(answer(*program, "ptrace"), SECCOMP_RET_KILL_PROCESS);
    const auto without = confine::heard({}, {}, Hears::kAll);
    EXPECT_EQ(answer(*without, "read"), SECCOMP_RET_USER_NOTIF);
}

// The kernel asks both filters and takes the stricter answer, the later one's of two refusals: seccomp(2).
TEST(Heard, TheOtherProgramDecidesAboutWhatTheAppsLetsThrough) {
    const auto program = confine::heard(*compile(kApp), *compile(kRoot), Hears::kDenials);
    ASSERT_TRUE(program);
    EXPECT_EQ(answer(*program, "setuid"), SECCOMP_RET_USER_NOTIF) << "denied by the app's";
    EXPECT_EQ(answer(*program, "mkdir"), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(answer(*program, "chown"), SECCOMP_RET_ERRNO);
    EXPECT_EQ(answer(*program, "getppid"), SECCOMP_RET_ERRNO);
    EXPECT_EQ(answer(*program, "chroot"), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(answer(*program, "read"), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(*program, "ptrace"), SECCOMP_RET_KILL_PROCESS);
}

TEST(Heard, TheBuiltInOneIsRefusedExactlyWhereItSaysErrno) {
    for (const auto which : {confine::BuiltIn::kDefault, confine::BuiltIn::kStrict}) {
        const auto plain = confine::builtin(which);
        const auto program = confine::heard(plain, {}, Hears::kDenials);
        ASSERT_TRUE(program);
        for (int number = -1; number < 600; ++number) {
            const seccomp_data call = {number, facts_of(native_architecture()).audit, 0, {0x10000000, 0x5412, 4, 4}};
            const Action said = *evaluate(plain, call);
            const bool denied = (said & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
            EXPECT_EQ(*evaluate(*program, call), denied ? SECCOMP_RET_USER_NOTIF : said) << number;
        }
    }
}

TEST(Heard, TooManyInstructionsAreRefused) {
    const std::vector<sock_filter> long_one(BPF_MAXINSNS, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
    EXPECT_TRUE(confine::heard(long_one, {}, Hears::kDenials));
    EXPECT_FALSE(confine::heard(long_one, *compile(kRoot), Hears::kDenials));
}

Denial denial(std::int32_t number, char program) {
    Denial made{.number = number, .error = 1, .pid = 7};
    made.program[0] = program;
    return made;
}

TEST(DenialsTable, CountsEachCallOfEachProgram) {
    Denials denials;
    EXPECT_EQ(denials.note(denial(83, 'a'))->count, 1U);
    EXPECT_EQ(denials.note(denial(83, 'a'))->count, 2U);
    EXPECT_EQ(denials.note(denial(83, 'b'))->count, 1U);
    EXPECT_EQ(denials.note(denial(84, 'a'))->count, 1U);
    EXPECT_EQ(denials.all().size(), 3U);
    EXPECT_EQ(denials.total(), 4U);
}

TEST(DenialsTable, CountsWhatItHasNoRoomFor) {
    Denials denials;
    const Denial* first = denials.note(denial(0, 'a'));
    for (std::int32_t number = 1; number < static_cast<std::int32_t>(Denials::kMost) + 10; ++number) {
        denials.note(denial(number, 'a'));
    }
    EXPECT_EQ(denials.all().size(), Denials::kMost);
    EXPECT_EQ(denials.not_kept(), 10U);
    EXPECT_EQ(denials.note(denial(9999, 'a')), nullptr);
    EXPECT_EQ(denials.note(denial(0, 'a')), first) << "nothing was moved, so nothing was allocated";
}

TEST(DenialsTable, TellsTheFirstAndEveryPowerOfTen) {
    std::vector<std::uint64_t> told;
    for (std::uint64_t count = 1; count <= 20'000; ++count) {
        if (Denials::worth_telling(count)) {
            told.push_back(count);
        }
    }
    EXPECT_THAT(told, ::testing::ElementsAre(1, 10, 100, 1000, 10'000));
    EXPECT_FALSE(Denials::worth_telling(0));
}

TEST(CallNamesTable, KnowsEveryArchitectureOfThisKernel) {
    const confine::CallNames names;
    const auto name_of = [&names](Architecture architecture, std::int32_t number) {
        return names.name_of(facts_of(architecture).audit, number);
    };
    const bool is_x86 = native_architecture() == Architecture::kX86_64;
    EXPECT_EQ(name_of(Architecture::kX86_64, 83), is_x86 ? "mkdir" : "?");
    EXPECT_EQ(name_of(Architecture::kX86, 39), is_x86 ? "mkdir" : "?");
    EXPECT_EQ(name_of(Architecture::kAarch64, 34), is_x86 ? "?" : "mkdirat");
    EXPECT_EQ(name_of(Architecture::kArm, 39), is_x86 ? "?" : "mkdir");
    EXPECT_EQ(name_of(native_architecture(), -1), "?");
    EXPECT_EQ(names.name_of(0, 83), "?");
}

} // namespace
} // namespace stepdown::testing
