#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/fd.hpp"
#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

constexpr Action kAllow = SECCOMP_RET_ALLOW;
constexpr Action kKill = SECCOMP_RET_KILL_PROCESS;

// Compiles, and says what the program answers.
class Compiled {
  public:
    Compiled(Action otherwise, std::vector<Rule> rules)
        : Compiled(Profile{otherwise, {Architecture::kX86_64}, std::move(rules)}) {}
    explicit Compiled(Profile profile) : profile_(std::move(profile)) {
        Result<std::vector<sock_filter>> program = compile(profile_);
        EXPECT_TRUE(program) << program.error().line;
        program_ = program.value_or(std::vector<sock_filter>{});
    }

    Action operator()(const seccomp_data& data) const {
        const std::optional<Action> action = evaluate(program_, data);
        EXPECT_TRUE(action) << "the program runs off its end";
        return action.value_or(0xbadbad);
    }
    Action operator()(std::string_view name, std::initializer_list<std::uint64_t> args = {}) const {
        return (*this)(call_of(name, args));
    }

    void expect_its_meaning() const { expect_same(profile_, 480, *this, Meaning(profile_)); }

    const Profile& profile() const { return profile_; }
    const std::vector<sock_filter>& program() const { return program_; }

  private:
    Profile profile_;
    std::vector<sock_filter> program_;
};

Rule rule(std::string name, Action action, std::vector<Condition> conditions = {}) {
    return {{std::move(name)}, action, std::move(conditions)};
}

// ---- one rule of the language each

TEST(ConfineCompile, AnswersTheDefaultToWhatNoRuleNames) {
    const Compiled filter(refusal(ENOSYS), {rule("read", kAllow)});
    EXPECT_EQ(filter("read"), kAllow);
    EXPECT_EQ(filter("write"), refusal(ENOSYS));
}

TEST(ConfineCompile, PrefersAConditionToNoneWhateverTheOrder) {
    const Compiled filter(refusal(EPERM),
                          {rule("ioctl", kAllow), rule("ioctl", refusal(EACCES), {{1, Compare::kEqual, 0x5412}})});
    EXPECT_EQ(filter("ioctl", {0, 0x5412}), refusal(EACCES));
    EXPECT_EQ(filter("ioctl", {0, 0x5413}), kAllow);
}

TEST(ConfineCompile, TriesConditionsInTheFilesOrder) {
    const Compiled filter(kAllow, {rule("kill", refusal(1), {{1, Compare::kGreater, 8}}),
                                   rule("kill", refusal(2), {{1, Compare::kGreater, 4}})});
    EXPECT_EQ(filter("kill", {0, 9}), refusal(1));
    EXPECT_EQ(filter("kill", {0, 8}), refusal(2));
    EXPECT_EQ(filter("kill", {0, 4}), kAllow);
}

TEST(ConfineCompile, TakesTheFirstOfTwoUnconditionalRules) {
    const Compiled filter(refusal(1), {rule("read", refusal(2)), rule("read", kAllow)});
    EXPECT_EQ(filter("read"), refusal(2));
}

TEST(ConfineCompile, WantsAllConditionsOfARuleAlsoOnOneArgument) {
    const Compiled filter(refusal(1), {rule("lseek", kAllow, {{1, Compare::kGreater, 10}, {1, Compare::kLess, 20}})});
    EXPECT_EQ(filter("lseek", {0, 10}), refusal(1));
    EXPECT_EQ(filter("lseek", {0, 11}), kAllow);
    EXPECT_EQ(filter("lseek", {0, 19}), kAllow);
    EXPECT_EQ(filter("lseek", {0, 20}), refusal(1));
}

TEST(ConfineCompile, WantsAllOfEightConditions) {
    std::vector<Condition> conditions;
    for (std::uint64_t value = 1; value <= 8; ++value) {
        conditions.push_back({2, Compare::kNotEqual, value});
    }
    const Compiled filter(refusal(1), {rule("mmap", kAllow, conditions)});
    EXPECT_EQ(filter("mmap", {0, 0, 9}), kAllow);
    for (std::uint64_t value = 1; value <= 8; ++value) {
        EXPECT_EQ(filter("mmap", {0, 0, value}), refusal(1)) << value;
    }
}

TEST(ConfineCompile, ComparesAllBitsOfA64BitArgument) {
    constexpr std::uint64_t kValue = 0x1'0000'0010;
    for (const Compare compare : {Compare::kNotEqual, Compare::kLess, Compare::kLessOrEqual, Compare::kEqual,
                                  Compare::kGreaterOrEqual, Compare::kGreater, Compare::kMaskedEqual}) {
        Compiled(refusal(1), {rule("lseek", kAllow, {{1, compare, kValue, 0x1'0000'0000}})}).expect_its_meaning();
    }
}

TEST(ConfineCompile, LooksAtTheLowWordOfA32BitArgument) {
    const Compiled filter(kAllow, {rule("socket", refusal(97), {{0, Compare::kEqual, 16}})});
    EXPECT_EQ(filter("socket", {16}), refusal(97));
    EXPECT_EQ(filter("socket", {0x1'0000'0010}), refusal(97));
    EXPECT_EQ(filter("socket", {0xffffffff'00000010}), refusal(97));
    EXPECT_EQ(filter("socket", {17}), kAllow);
}

TEST(ConfineCompile, LooksAt16BitsOfAMode) {
    const Compiled filter(kAllow, {rule("chmod", refusal(1), {{1, Compare::kMaskedEqual, 04000, 04000}}),
                                   rule("chmod", refusal(2), {{1, Compare::kEqual, 0}})});
    EXPECT_EQ(filter("chmod", {0, 0x10000 | 04755}), refusal(1));
    EXPECT_EQ(filter("chmod", {0, 0x10000}), refusal(2));
    EXPECT_EQ(filter("chmod", {0, 0755}), kAllow);
}

TEST(ConfineCompile, ReadsASignExtendedValueAsTheKernelDoes) {
    const Compiled filter(kAllow, {rule("kill", refusal(1), {{0, Compare::kEqual, ~std::uint64_t{0}}})});
    EXPECT_EQ(filter("kill", {0xffffffff}), refusal(1));
    EXPECT_EQ(filter("kill", {~std::uint64_t{0}}), refusal(1));
}

// seccomp_rule_add(3): "the masked argument value is equal to the masked datum value".
TEST(ConfineCompile, MasksTheValueThatAMaskedArgumentIsComparedWith) {
    const Compiled filter(kAllow, {rule("clone", refusal(1), {{0, Compare::kMaskedEqual, 0xf0, 0x1f}}),
                                   rule("umask", refusal(2), {{0, Compare::kMaskedEqual, 0, 0xfffe'0000}})});
    EXPECT_EQ(filter("clone", {0x10}), refusal(1));
    EXPECT_EQ(filter("clone", {0x1f}), refusal(1));
    EXPECT_EQ(filter("clone", {0x0f}), kAllow);
    EXPECT_EQ(filter("clone", {0xff}), kAllow);
    EXPECT_EQ(filter("umask", {0}), refusal(2));
    filter.expect_its_meaning();
}

TEST(ConfineCompile, AlwaysMatchesAnEmptyMask) {
    const Compiled filter(kAllow, {rule("clone", refusal(1), {{0, Compare::kMaskedEqual, 0, 0}})});
    EXPECT_EQ(filter("clone", {0x0f}), refusal(1));
}

// ---- architectures

TEST(ConfineCompile, KillsOtherArchitecturesAndX32) {
    const Compiled filter(kAllow, {rule("read", refusal(1))});
    EXPECT_EQ(filter(call_of("read")), refusal(1));
    EXPECT_EQ(filter(call_of("read", {}, Architecture::kX86)), kKill);
    EXPECT_EQ(filter(call_of("read", {}, Architecture::kAarch64)), kKill);
    EXPECT_EQ(filter(call_of("read", {}, Architecture::kX32)), kKill);
    EXPECT_EQ(filter(call_of(Architecture::kX86_64, 0xfffffffe)), kKill);
}

TEST(ConfineCompile, AnswersTheDefaultToNumberMinusOne) {
    const Compiled filter(refusal(38), {rule("read", kAllow)});
    EXPECT_EQ(filter(call_of(Architecture::kX86_64, 0xffffffff)), refusal(38));
}

TEST(ConfineCompile, SendsCallsThatTheAuthorCannotHaveKnownBack) {
    const Compiled filter(kKill, {rule("read", kAllow), rule("statx", kAllow)});
    EXPECT_EQ(filter("statx"), kAllow);
    EXPECT_EQ(filter("rseq"), refusal(ENOSYS));
    EXPECT_EQ(filter("clone3"), refusal(ENOSYS));
    EXPECT_EQ(filter("faccessat2"), refusal(ENOSYS));
    EXPECT_EQ(filter("write"), kKill);
    EXPECT_EQ(filter(call_of(Architecture::kX86_64, 0x3fffffff)), refusal(ENOSYS));
    EXPECT_EQ(filter(call_of(Architecture::kX86_64, 0xffffffff)), kKill);
}

TEST(ConfineCompile, TakesANameInARuleForOthersForKnown) {
    Profile profile{.default_action = refusal(EPERM),
                    .architectures = {Architecture::kX86_64},
                    .rules = {rule("read", kAllow)},
                    .also_named = {"clone3"}};
    const Compiled filter(profile);
    EXPECT_EQ(filter("clone3"), refusal(EPERM));
    EXPECT_EQ(filter("faccessat2"), refusal(ENOSYS));
    filter.expect_its_meaning();
}

TEST(ConfineCompile, LeavesNewCallsAloneWhereTheDefaultLetsThemThrough) {
    for (const Action otherwise : {kAllow, Action{SECCOMP_RET_LOG}, Action{SECCOMP_RET_TRACE | 1}}) {
        EXPECT_EQ(Compiled(otherwise, {rule("read", refusal(1))})("clone3"), otherwise);
    }
}

TEST(ConfineCompile, TakesX32AndI386WhereTheProfileNamesThem) {
    const Compiled filter({.default_action = refusal(1),
                           .architectures = {Architecture::kX86_64, Architecture::kX86, Architecture::kX32},
                           .rules = {rule("execve", kAllow)}});
    for (const Architecture architecture : filter.profile().architectures) {
        EXPECT_EQ(filter(call_of("execve", {}, architecture)), kAllow) << facts_of(architecture).oci_name;
        EXPECT_EQ(filter(call_of("read", {}, architecture)), refusal(1)) << facts_of(architecture).oci_name;
    }
    EXPECT_EQ(filter(call_of(Architecture::kX86_64, 59 | kX32Bit)), refusal(1))
        << "x32 has a number of its own for execve";
}

TEST(ConfineCompile, CarriesAnUnconditionalRuleToI386sMultiplexer) {
    const Compiled filter({.default_action = refusal(1),
                           .architectures = {Architecture::kX86_64, Architecture::kX86},
                           .rules = {rule("socket", kAllow), rule("bind", kAllow, {{0, Compare::kEqual, 3}})}});
    EXPECT_EQ(filter(call_of("socket", {}, Architecture::kX86)), kAllow);
    EXPECT_EQ(filter(call_of(Architecture::kX86, kI386Socketcall, {1})), kAllow);
    EXPECT_EQ(filter(call_of(Architecture::kX86, kI386Socketcall, {2})), refusal(ENOSYS))
        << "its arguments are out of sight";
    EXPECT_EQ(filter(call_of(Architecture::kX86, kI386Socketcall, {3})), refusal(1));
}

TEST(ConfineCompile, NeverLetsAConditionalRefusalThroughTheMultiplexer) {
    const Compiled filter({.default_action = kAllow,
                           .architectures = {Architecture::kX86_64, Architecture::kX86},
                           .rules = {rule("socket", kAllow), rule("socket", refusal(97), {{0, Compare::kEqual, 38}})}});
    EXPECT_EQ(filter(call_of(Architecture::kX86, kI386Socketcall, {1})), refusal(ENOSYS));
    EXPECT_EQ(filter(call_of(Architecture::kX86, kI386Socketcall, {0x1'0001})), refusal(ENOSYS));
}

// ---- the whole

Profile random_profile(std::mt19937& random, std::size_t rules) {
    const auto pick = [&random](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
    const std::array<const char*, 12> names = {"socket", "ioctl",  "clone", "lseek",     "chmod",       "mmap",
                                               "read",   "setuid", "shmat", "fchmodat2", "personality", "execve"};
    Profile profile{.default_action = refusal(38), .architectures = {Architecture::kX86_64}, .rules = {}};
    if (pick(2) == 0) {
        profile.architectures.push_back(Architecture::kX86);
    }
    if (pick(2) == 0) {
        profile.architectures.push_back(Architecture::kX32);
    }
    for (std::size_t i = 0; i < rules; ++i) {
        Rule made = rule(names[pick(names.size())], pick(2) == 0 ? kAllow : refusal(static_cast<int>(1 + pick(6))));
        for (std::uint32_t conditions = pick(4); conditions > 0; --conditions) {
            const std::uint64_t value = pick(3) == 0 ? (std::uint64_t{pick(4)} << 32) | pick(64) : pick(64);
            made.conditions.push_back({pick(6), static_cast<Compare>(pick(7)), value, pick(64)});
        }
        profile.rules.push_back(std::move(made));
    }
    return profile;
}

TEST(ConfineCompile, MeansWhatTheProfileSays) {
    std::mt19937 random(2718);
    for (int i = 0; i < 40; ++i) {
        SCOPED_TRACE(i);
        Compiled(random_profile(random, 1 + random() % 6)).expect_its_meaning();
        if (HasFatalFailure()) {
            return;
        }
    }
}

// Jumps of more than 255 instructions, forwards through stepping stones.
TEST(ConfineCompile, MeansWhatALongProfileSays) {
    std::mt19937 random(3141);
    for (const std::size_t rules : {100U, 250U}) {
        const Compiled filter(random_profile(random, rules));
        const Meaning meaning(filter.profile());
        ASSERT_GT(filter.program().size(), 300U);
        for (int i = 0; i < 20000; ++i) {
            const Architecture architecture = architectures()[random() % 3].architecture;
            seccomp_data data =
                call_of(architecture, random() % 480 | (architecture == Architecture::kX32 ? kX32Bit : 0));
            for (auto& argument : data.args) {
                argument = random() % 64 | (random() % 4 == 0 ? std::uint64_t{random() % 4} << 32 : 0);
            }
            ASSERT_EQ(filter(data), meaning(data)) << data.nr;
        }
    }
}

TEST(ConfineCompile, RefusesWhatTheKernelWouldRefuse) {
    std::mt19937 random(1);
    const Result<std::vector<sock_filter>> program = compile(random_profile(random, 4000));
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().code, ExitCode::kUsage);
    EXPECT_THAT(program.error().line, ::testing::HasSubstr("4096"));
}

// i386's setuid has 16 bits of the uid (setuid32 has all), and its mmap finds its arguments behind a pointer.
TEST(ConfineCompile, SendsTheCLibraryToACallWhoseArgumentsCanBeSeen) {
    const Compiled filter(
        {.default_action = kAllow,
         .architectures = {Architecture::kX86_64, Architecture::kX86},
         .rules = {rule("setuid", refusal(1), {{0, Compare::kEqual, 10001}}),
                   rule("mmap", refusal(2), {{2, Compare::kMaskedEqual, 4, 4}}), rule("chown", refusal(3)),
                   rule("select", kAllow, {{0, Compare::kEqual, 1}}), rule("select", kAllow)}});
    EXPECT_EQ(filter("setuid", {10001}), refusal(1));
    EXPECT_EQ(filter("setuid", {10002}), kAllow);
    for (const std::uint64_t uid : {10001U, 0x10000U | 10001U, 10002U}) {
        EXPECT_EQ(filter(call_of(Architecture::kX86, 23, {uid})), refusal(ENOSYS)) << uid;
        EXPECT_EQ(filter(call_of(Architecture::kX86, 213, {uid})), kAllow) << uid; // setuid32, which has no rule
    }
    EXPECT_EQ(filter(call_of(Architecture::kX86, 90, {0, 0, 4})), refusal(ENOSYS));
    EXPECT_EQ(filter(call_of(Architecture::kX86, 182, {})), refusal(3));
    EXPECT_EQ(filter(call_of(Architecture::kX86, 82, {2})), kAllow); // whatever its arguments are
    filter.expect_its_meaning();
}

// ---- libseccomp as a second opinion, for profiles where it and the specification agree

std::vector<sock_filter> from_libseccomp(const Profile& profile) {
    constexpr std::array kOps = {SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE,       SCMP_CMP_EQ,
                                 SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ};
    const auto action_of = [](Action action) {
        return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ? SCMP_ACT_ERRNO(action & SECCOMP_RET_DATA)
                                                                       : SCMP_ACT_ALLOW;
    };
    scmp_filter_ctx context = seccomp_init(action_of(profile.default_action));
    EXPECT_EQ(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
    for (const Architecture architecture : profile.architectures) {
        const int added = seccomp_arch_add(context, token_of(architecture));
        EXPECT_TRUE(added == 0 || added == -EEXIST) << added;
    }
    if (!std::ranges::contains(profile.architectures, native_architecture())) {
        EXPECT_EQ(seccomp_arch_remove(context, SCMP_ARCH_NATIVE), 0);
    }
    for (const Rule& entry : profile.rules) {
        std::vector<scmp_arg_cmp> conditions;
        for (const Condition& condition : entry.conditions) {
            conditions.push_back({condition.index, kOps[static_cast<std::size_t>(condition.compare)], condition.value,
                                  condition.value_two});
        }
        for (const std::string& name : entry.names) {
            EXPECT_EQ(seccomp_rule_add_array(context, action_of(entry.action),
                                             seccomp_syscall_resolve_name(name.c_str()),
                                             static_cast<unsigned>(conditions.size()), conditions.data()),
                      0)
                << name;
        }
    }
    const sys::Fd file(memfd_create("filter", MFD_CLOEXEC));
    EXPECT_EQ(seccomp_export_bpf(context, file.get()), 0);
    seccomp_release(context);
    std::vector<sock_filter> program(static_cast<std::size_t>(lseek(file.get(), 0, SEEK_END)) / sizeof(sock_filter));
    EXPECT_EQ(pread(file.get(), program.data(), program.size() * sizeof(sock_filter), 0),
              static_cast<ssize_t>(program.size() * sizeof(sock_filter)));
    return program;
}

void expect_agreement(const Profile& profile) {
    const std::vector<sock_filter> theirs = from_libseccomp(profile);
    const Meaning meaning(profile); // libseccomp does not tell new calls from old ones
    expect_same(profile, 600, Compiled(profile), [&](const seccomp_data& data) {
        return meaning.is_new(data) ? refusal(ENOSYS) : evaluate(theirs, data);
    });
}

TEST(ConfineCompile, AgreesWithLibseccompOnAnAllowList) {
    Profile profile{.default_action = refusal(EPERM), .architectures = {Architecture::kX86_64}, .rules = {}};
    for (const char* name :
         {"read", "write", "open", "openat", "close", "execve", "mmap", "exit_group", "futex", "clone", "getrandom",
          "statx", "io_uring_setup", "landlock_add_rule", "rt_sigreturn", "wait4", "kill"}) {
        profile.rules.push_back(rule(name, kAllow));
    }
    expect_agreement(profile);
}

TEST(ConfineCompile, AgreesWithLibseccompOnThreeArchitectures) {
    expect_agreement({.default_action = refusal(ENOSYS),
                      .architectures = {Architecture::kX86_64, Architecture::kX86, Architecture::kX32},
                      .rules = {rule("read", kAllow), rule("execve", kAllow), rule("ptrace", refusal(EPERM)),
                                rule("mount", refusal(EPERM)), rule("close", kAllow), rule("preadv", kAllow)}});
}

TEST(ConfineCompile, AgreesWithLibseccompOnEveryComparisonOf64Bits) {
    for (const Compare compare : {Compare::kNotEqual, Compare::kLess, Compare::kLessOrEqual, Compare::kEqual,
                                  Compare::kGreaterOrEqual, Compare::kGreater, Compare::kMaskedEqual}) {
        SCOPED_TRACE(static_cast<int>(compare));
        expect_agreement({.default_action = refusal(EPERM),
                          .architectures = {Architecture::kX86_64},
                          .rules = {rule("lseek", kAllow, {{1, compare, 0x3'0000'0005, 0x1'0000'0013}}),
                                    rule("mremap", kAllow, {{0, compare, 7, 3}, {2, Compare::kEqual, 7}})}});
    }
}

} // namespace
} // namespace stepdown::testing
