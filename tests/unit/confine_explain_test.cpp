#include <gmock/gmock.h>
#include <linux/audit.h>

#include "confine/adjust.hpp"
#include "confine/answers.hpp"
#include "confine/builtin.hpp"
#include "confine/decide.hpp"
#include "confine/groups.hpp"
#include "confine/lint.hpp"
#include "unit/confine_support.hpp"

// What `stepdown profile` says of a profile, and what --seccomp-allow and --seccomp-deny make of it.
namespace stepdown::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr Action kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kX86Audit = AUDIT_ARCH_X86_64;

// A start needs execve.
Profile of(std::vector<Rule> rules, Action otherwise = refusal(ENOSYS)) {
    rules.push_back({{"execve"}, kAllow, {}});
    return {.default_action = otherwise, .architectures = {Architecture::kX86_64}, .rules = std::move(rules)};
}

Rule rule(std::string name, Action action, std::vector<Condition> conditions = {}, std::string place = "") {
    return {{std::move(name)}, action, std::move(conditions), std::move(place)};
}

std::vector<sock_filter> program_of(const Profile& profile) { return compile(profile).value(); }

std::uint32_t number_of(std::string_view name) { return entries_of(name, Architecture::kX86_64).front().number; }

// ---- answers

TEST(ConfineAnswers, AreReadOffTheProgram) {
    const auto program = program_of(of({rule("read", kAllow), rule("socket", kAllow, {{0, Compare::kEqual, 1}}),
                                        rule("socket", refusal(97), {{0, Compare::kGreater, 40}})}));
    EXPECT_THAT(answers_to(program, kX86Audit, number_of("read")), ElementsAre(kAllow));
    EXPECT_THAT(answers_to(program, kX86Audit, number_of("write")), ElementsAre(refusal(ENOSYS)));
    EXPECT_THAT(answers_to(program, kX86Audit, number_of("socket")),
                UnorderedElementsAre(kAllow, refusal(97), refusal(ENOSYS)));
    EXPECT_THAT(answers_to(program, AUDIT_ARCH_I386, 3), ElementsAre(SECCOMP_RET_KILL_PROCESS));
    EXPECT_THAT(answers_to(std::span(program).first(1), kX86Audit, 0), IsEmpty());
}

TEST(ConfineAnswers, AreThoseToTheArgumentsThatAreGiven) {
    const auto program = program_of(of({rule("lseek", kAllow, {{1, Compare::kEqual, 0x3'0000'0005}}),
                                        rule("lseek", refusal(1), {{0, Compare::kEqual, 7}})}));
    const auto ask = [&](const Arguments& arguments) {
        return answers_to(program, kX86Audit, number_of("lseek"), arguments);
    };
    EXPECT_THAT(ask({std::nullopt, 0x3'0000'0005}), ElementsAre(kAllow));
    EXPECT_THAT(ask({7, 5}), ElementsAre(refusal(1)));
    EXPECT_THAT(ask({0x1'0000'0007, 5}), ElementsAre(refusal(1))) << "an int";
    EXPECT_THAT(ask({8, 5}), ElementsAre(refusal(ENOSYS)));
    EXPECT_THAT(ask({7}), UnorderedElementsAre(kAllow, refusal(1)));
}

TEST(ConfineAnswers, DifferenceComesWithArgumentsThatShowIt) {
    const auto all = program_of(of({rule("socket", kAllow)}));
    const auto some = program_of(of({rule("socket", kAllow, {{0, Compare::kEqual, 0x10}})}));
    const auto found = differences(all, some, kX86Audit, number_of("socket")).shown;
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].first, kAllow);
    EXPECT_EQ(found[0].second, refusal(ENOSYS));
    EXPECT_NE(found[0].arguments.at(0), 0x10U);
    EXPECT_THAT(differences(all, all, kX86Audit, number_of("socket")).shown, IsEmpty());
    EXPECT_THAT(differences(some, some, kX86Audit, number_of("socket")).shown, IsEmpty());
}

TEST(ConfineAnswers, DifferenceOfManyArgumentsIsFound) {
    const auto with = [](std::uint64_t last) {
        return program_of(of({rule("mmap", refusal(1),
                                   {{0, Compare::kEqual, 0x5'0000'0005},
                                    {1, Compare::kEqual, 0x7'0000'0007},
                                    {2, Compare::kEqual, 7},
                                    {3, Compare::kEqual, last}})}));
    };
    const Differences found = differences(with(50), with(34), kX86Audit, number_of("mmap"));
    EXPECT_EQ(found.shown.size(), 2U);
    EXPECT_TRUE(found.all_tried);
}

TEST(ConfineAnswers, DifferenceSaysWhereNotAllWasTried) {
    std::vector<Rule> rules;
    for (std::uint64_t value = 0; value < 60; ++value) {
        rules.push_back(
            rule("mmap", refusal(1),
                 {{0, Compare::kGreater, value << 33}, {1, Compare::kLess, value << 34}, {5, Compare::kEqual, value}}));
    }
    const auto program = program_of(of(rules));
    EXPECT_FALSE(differences(program, program, kX86Audit, number_of("mmap")).all_tried);
}

TEST(ConfineDecide, NamesTheRuleThatDecides) {
    const Profile profile =
        of({rule("socket", refusal(1), {}, "last"), rule("socket", kAllow, {{0, Compare::kEqual, 2}}, "internet"),
            rule("socket", refusal(2), {{0, Compare::kMaskedEqual, 0xf0, 0x1f}}, "masked")});
    const auto place = [&profile](const Arguments& arguments) -> std::string {
        const auto decides = deciding_rule(profile, "socket", arguments);
        return !decides ? "open" : *decides == nullptr ? "default" : (*decides)->place;
    };
    EXPECT_EQ(place({2}), "internet");
    EXPECT_EQ(place({0x1'0000'0002}), "internet") << "an int";
    EXPECT_EQ(place({0x1f}), "masked");
    EXPECT_EQ(place({0x2f}), "last");
    EXPECT_EQ(place({}), "open");
    EXPECT_EQ(deciding_rule(profile, "mount", {}), std::optional<const Rule*>(nullptr));
}

TEST(ConfineAnswers, DifferenceOf64BitsIsFound) {
    const auto one = program_of(of({rule("lseek", kAllow, {{1, Compare::kEqual, 0x3'0000'0005}})}));
    const auto other = program_of(of({rule("lseek", kAllow, {{1, Compare::kEqual, 0x4'0000'0005}})}));
    EXPECT_EQ(differences(one, other, kX86Audit, number_of("lseek")).shown.size(), 2U);
}

TEST(ConfineAnswers, BuiltInFiltersAreReadWhole) {
    for (const BuiltIn which : {BuiltIn::kDefault, BuiltIn::kStrict, BuiltIn::kPid1}) {
        for (std::uint32_t number = 0; number < 500; ++number) {
            const auto answers = answers_to(builtin(which), facts_of(native_architecture()).audit, number);
            seccomp_data data = call_of(native_architecture(), number);
            EXPECT_THAT(answers, Contains(evaluate(builtin(which), data).value()));
        }
    }
}

TEST(ConfineAnswers, ActionsHaveWords) {
    EXPECT_EQ(action_text(kAllow), "allow");
    EXPECT_EQ(action_text(refusal(1)), "EPERM");
    EXPECT_EQ(action_text(refusal(1111)), "1111");
    EXPECT_EQ(action_text(SECCOMP_RET_KILL_PROCESS), "kill the process");
}

// ---- calls as people write them

TEST(ConfineCall, HasArgumentsByNumberAndName) {
    const Result<CallWords> call = read_call("socket:AF_INET6::0x10");
    ASSERT_TRUE(call) << call.error().line;
    EXPECT_EQ(call->name, "socket");
    EXPECT_THAT(call->arguments,
                ElementsAre(std::optional<std::uint64_t>(10), std::nullopt, std::optional<std::uint64_t>(16)));
    EXPECT_THAT(read_call("mkdir")->arguments, IsEmpty());
    for (const char* wrong :
         {"", "opne", "socket:AF_INET7", "socket:4294967298", "socket:1x", "socket:-1", "read:1:2:3:4:5:6:7"}) {
        EXPECT_FALSE(read_call(wrong)) << wrong;
    }
}

TEST(ConfineAdjust, GrantsAndDenies) {
    const Profile before =
        of({rule("socket", kAllow, {{0, Compare::kEqual, 1}}), rule("socket", kAllow, {{0, Compare::kEqual, 10}}),
            rule("ptrace", refusal(EPERM)), rule("read", kAllow)});
    const std::vector<std::string> allow = {"@ptrace", "socket:40"};
    const std::vector<std::string> deny = {"socket:AF_INET6", "read", "pidfd_getfd"};
    const Result<Profile> after = adjust(before, allow, deny);
    ASSERT_TRUE(after) << after.error().line;
    const auto program = program_of(*after);
    EXPECT_EQ(evaluate(program, call_of("ptrace")), kAllow);
    EXPECT_EQ(evaluate(program, call_of("process_vm_readv")), kAllow);
    EXPECT_EQ(evaluate(program, call_of("pidfd_getfd")), refusal(EPERM)) << "denying is stronger";
    EXPECT_EQ(evaluate(program, call_of("socket", {40})), kAllow);
    EXPECT_EQ(evaluate(program, call_of("socket", {1})), kAllow);
    EXPECT_EQ(evaluate(program, call_of("socket", {10})), refusal(EAFNOSUPPORT));
    EXPECT_EQ(evaluate(program, call_of("socket", {0x1'0000'000a})), refusal(EAFNOSUPPORT));
    EXPECT_EQ(evaluate(program, call_of("read")), refusal(EPERM));
}

TEST(ConfineGroups, HoldCallsThatThereAre) {
    for (const Group& group : groups()) {
        EXPECT_FALSE(calls_of(group).empty());
        for (const std::string& call : calls_of(group)) {
            EXPECT_TRUE(is_known(call)) << group.name << ": " << call;
            EXPECT_NE(group_of(call), nullptr);
        }
        EXPECT_EQ(find_group(group.name), &group) << "twice: " << group.name;
    }
    EXPECT_EQ(group_of("mount")->name, "mount");
    EXPECT_EQ(group_of("opne"), nullptr);
}

// ---- lint

std::vector<std::string> ids_of(const Profile& profile) {
    std::vector<std::string> ids;
    for (const Finding& finding : lint(&profile, program_of(profile), Architecture::kX86_64)) {
        ids.push_back(finding.id);
        EXPECT_TRUE(std::ranges::contains(finding_kinds(), finding.id, &FindingKind::id)) << finding.id;
    }
    return ids;
}

TEST(ConfineLint, FindsNothingInAGoodProfile) {
    EXPECT_THAT(ids_of(of({rule("read", kAllow), rule("clone3", refusal(EPERM)),
                           rule("socket", kAllow, {{0, Compare::kEqual, 1}})})),
                IsEmpty());
}

TEST(ConfineLint, FindsRulesThatSayNothing) {
    const std::vector<Condition> one = {{0, Compare::kEqual, 1}};
    EXPECT_THAT(ids_of(of({rule("read", kAllow), rule("read", refusal(1))})), ElementsAre("conflict"));
    EXPECT_THAT(ids_of(of({rule("read", kAllow), rule("read", kAllow)})), ElementsAre("duplicate"));
    EXPECT_THAT(ids_of(of({rule("read", kAllow, one), rule("read", refusal(1), one)})), ElementsAre("shadowed"));
    EXPECT_THAT(ids_of(of({rule("read", kAllow), rule("read", refusal(1), one)})), ElementsAre("mixed"));
    EXPECT_THAT(ids_of(of({rule("read", refusal(ENOSYS))})), ElementsAre("default-action"));
}

TEST(ConfineLint, FindsValuesThatCountForNothing) {
    EXPECT_THAT(ids_of(of({rule("umask", refusal(1), {{0, Compare::kMaskedEqual, 0xf, 0x1f}})})),
                ElementsAre("masked-value"));
    EXPECT_THAT(ids_of(of({rule("umask", refusal(1), {{0, Compare::kEqual, 0xf, 7}})})), ElementsAre("masked-value"));
}

TEST(ConfineLint, FindsThatNoAppCouldStart) {
    Profile profile = of({rule("read", kAllow)});
    profile.rules.pop_back();
    EXPECT_THAT(ids_of(profile), ElementsAre("no-execve"));
}

TEST(ConfineLint, NamesThePlaceAndTheCalls) {
    const Profile profile = of({rule("read", kAllow, {}, "syscalls[0]"), rule("read", refusal(1), {}, "syscalls[1]")});
    const auto findings = lint(&profile, program_of(profile), Architecture::kX86_64);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].place, "syscalls[1]");
    EXPECT_EQ(findings[0].line, "read: syscalls[0] says allow already");
}

TEST(ConfineLint, FindsWhatAnAppCouldMisuse) {
    EXPECT_THAT(ids_of(of({rule("unshare", kAllow)})), ElementsAre("user-namespaces"));
    EXPECT_THAT(ids_of(of({rule("clone3", kAllow)})), ElementsAre("clone3-open"));
    EXPECT_THAT(ids_of(of({rule("io_uring_setup", kAllow)})), ElementsAre("io-uring"));
    EXPECT_THAT(ids_of(of({rule("ioctl", kAllow)})), ElementsAre("tiocsti"));
    EXPECT_THAT(ids_of(of({rule("read", SECCOMP_RET_KILL_THREAD)})), ElementsAre("kill-thread"));
}

TEST(ConfineLint, LooksAtACompiledFilterToo) {
    const auto findings =
        lint(nullptr, program_of(of({rule("ioctl", kAllow), rule("ioctl", kAllow)})), Architecture::kX86_64);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].id, "tiocsti");
}

} // namespace
} // namespace stepdown::testing
