#include <cstring>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "confine/errno_names.hpp"
#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Profile read(std::string_view json, Machine machine = kX86Machine) {
    Result<Profile> profile = read_profile(json, machine);
    EXPECT_TRUE(profile) << profile.error().line;
    return profile.value_or(Profile{});
}

std::string error_of(std::string_view json) {
    const Result<Profile> profile = read_profile(json, kX86Machine);
    EXPECT_FALSE(profile) << json;
    if (profile) {
        return "";
    }
    EXPECT_EQ(profile.error().code, ExitCode::kUsage);
    EXPECT_EQ(profile.error().line.find('\n'), std::string::npos);
    return profile.error().line;
}

// One entry in an otherwise good profile.
std::string with(std::string_view entry) {
    return std::string(
               R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}, )")
        .append(entry)
        .append("]}");
}

std::vector<std::string> names_after_first(std::string_view entry, Machine machine = kX86Machine) {
    const Profile profile = read(with(entry), machine);
    return profile.rules.size() < 2 ? std::vector<std::string>{} : profile.rules[1].names;
}

TEST(ConfineRead, ReadsTheSpecificationsShape) {
    const Profile profile = read(R"({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
        "flags": ["SECCOMP_FILTER_FLAG_TSYNC"], "listenerPath": "",
        "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": []},
                     {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97,
                      "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"},
                               {"index": 1, "value": 3, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}]})");
    EXPECT_EQ(profile.default_action, refusal(38));
    EXPECT_THAT(profile.architectures, ElementsAre(Architecture::kX86_64, Architecture::kX32));
    ASSERT_EQ(profile.rules.size(), 2U);
    EXPECT_EQ(profile.rules[0], (Rule{{"read", "write"}, SECCOMP_RET_ALLOW, {}, "syscalls[0]"}));
    EXPECT_EQ(
        profile.rules[1],
        (Rule{
            {"socket"}, refusal(97), {{0, Compare::kEqual, 16, 0}, {1, Compare::kMaskedEqual, 3, 2}}, "syscalls[1]"}));
}

TEST(ConfineRead, TakesTheArchMapOfItsOwnMachine) {
    constexpr std::string_view kJson = R"({"defaultAction": "SCMP_ACT_ERRNO",
        "archMap": [{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
                    {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                    {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}],
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})";
    EXPECT_THAT(read(kJson).architectures, ElementsAre(Architecture::kX86_64, Architecture::kX86, Architecture::kX32));
    EXPECT_THAT(read(kJson, {Architecture::kAarch64, 6, 1}).architectures,
                ElementsAre(Architecture::kAarch64, Architecture::kArm));
}

TEST(ConfineRead, IgnoresArchitecturesThatCannotComeToThisKernel) {
    EXPECT_THAT(read(R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_S390X", "SCMP_ARCH_AARCH64"],
                         "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})")
                    .architectures,
                ElementsAre(Architecture::kX86_64));
}

TEST(ConfineRead, JudgesIncludesAndExcludesForAnAppWithoutCapabilities) {
    EXPECT_THAT(names_after_first(
                    R"({"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}})"),
                IsEmpty());
    EXPECT_THAT(names_after_first(
                    R"({"names": ["mount"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_ADMIN"]}})"),
                ElementsAre("mount"));
    EXPECT_THAT(
        names_after_first(
            R"({"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {}, "excludes": {}, "args": null})"),
        ElementsAre("mount"));
}

TEST(ConfineRead, JudgesIncludesAndExcludesByTheCapabilitiesThatTheAppKeeps) {
    constexpr Machine kKeeps = {.kernel_major = 6, .capabilities = "sys_time net_admin"};
    const auto rule = [](std::string_view way, std::string_view names) {
        return fmt::format(R"({{"names": ["mount"], "action": "SCMP_ACT_ALLOW", "{}": {{"caps": [{}]}}}})", way, names);
    };
    constexpr std::string_view kHas = R"("CAP_NET_ADMIN")";
    constexpr std::string_view kLacks = R"("CAP_SYS_ADMIN")";
    constexpr std::string_view kBoth = R"("CAP_SYS_TIME", "CAP_SYS_ADMIN")";
    EXPECT_THAT(names_after_first(rule("includes", kHas), kKeeps), ElementsAre("mount"));
    EXPECT_THAT(names_after_first(rule("includes", kLacks), kKeeps), IsEmpty());
    EXPECT_THAT(names_after_first(rule("includes", kBoth), kKeeps), IsEmpty());
    EXPECT_THAT(names_after_first(rule("excludes", kHas), kKeeps), IsEmpty());
    EXPECT_THAT(names_after_first(rule("excludes", kLacks), kKeeps), ElementsAre("mount"));
    EXPECT_THAT(names_after_first(rule("excludes", kBoth), kKeeps), IsEmpty());
    EXPECT_THAT(names_after_first(rule("includes", kHas)), IsEmpty());
}

TEST(ConfineRead, SaysForWhichCapabilitiesItsRulesHold) {
    const Profile profile = read(with(R"({"names": ["mount"], "action": "SCMP_ACT_ALLOW",
        "includes": {"caps": ["CAP_SYS_ADMIN"]}, "excludes": {"caps": ["CAP_NET_ADMIN"]}})"),
                                 {.kernel_major = 6, .capabilities = "net_admin sys_time"});
    EXPECT_THAT(profile.with_capabilities, ElementsAre("net_admin"));
    EXPECT_THAT(profile.without_capabilities, ElementsAre("sys_admin"));
}

TEST(ConfineRead, JudgesIncludesAndExcludesByMachine) {
    constexpr std::string_view kOnly =
        R"({"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}})";
    constexpr std::string_view kNot =
        R"({"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["s390", "amd64"]}})";
    EXPECT_THAT(names_after_first(kOnly), ElementsAre("arch_prctl"));
    EXPECT_THAT(names_after_first(kOnly, {Architecture::kAarch64, 6, 1}), IsEmpty());
    EXPECT_THAT(names_after_first(kNot), IsEmpty());
    EXPECT_THAT(names_after_first(kNot, {Architecture::kRiscv64, 6, 1}), ElementsAre("clone"));
}

TEST(ConfineRead, JudgesIncludesAndExcludesByKernel) {
    constexpr std::string_view kFrom =
        R"({"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}})";
    constexpr std::string_view kUntil =
        R"({"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "4.8"}})";
    EXPECT_THAT(names_after_first(kFrom, {Architecture::kX86_64, 4, 7}), IsEmpty());
    EXPECT_THAT(names_after_first(kFrom, {Architecture::kX86_64, 4, 8}), ElementsAre("ptrace"));
    EXPECT_THAT(names_after_first(kFrom, {Architecture::kX86_64, 4, 10}), ElementsAre("ptrace"));
    EXPECT_THAT(names_after_first(kUntil, {Architecture::kX86_64, 4, 7}), ElementsAre("ptrace"));
    EXPECT_THAT(names_after_first(kUntil, {Architecture::kX86_64, 6, 1}), IsEmpty());
}

TEST(ConfineRead, KnowsCallsOfOtherMachinesAndOfNewerKernels) {
    EXPECT_THAT(
        names_after_first(
            R"({"names": ["s390_pci_mmio_read", "riscv_hwprobe", "mseal", "socketcall"], "action": "SCMP_ACT_ALLOW"})"),
        ElementsAre("s390_pci_mmio_read", "riscv_hwprobe", "mseal", "socketcall"));
}

TEST(ConfineRead, ReadsASignExtendedValueOfAnInt) {
    const Profile profile = read(with(R"({"names": ["kill"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]})"));
    EXPECT_EQ(profile.rules[1].conditions[0].value, ~std::uint64_t{0});
}

struct Bad {
    std::string json;
    std::string error; // how it starts
};

TEST(ConfineRead, RefusesWithThePlaceAndTheValue) {
    const std::vector<Bad> all = {
        {"", "line 1: not valid JSON"},
        {"{\n\"defaultAction\":\n?}", "line 3: not valid JSON"},
        {"[]", "a list where an object is expected"},
        {"{}", "defaultAction: nothing where a text is expected"},
        {R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultAction": "SCMP_ACT_ERRNO"})",
         "defaultAction: the key is written twice"},
        {R"({"a": [1, {"b": [[], {}, {"c": 1, "c": 2}]}]})", "a[1].b[2].c: the key is written twice"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64"},
             {"architecture": "SCMP_ARCH_AARCH64"}, {"architecture": "SCMP_ARCH_X86_64"}]})",
         "archMap[2]: this machine has an entry already"},
        {R"({"defaultAction": "SCMP_ACT_PERMIT"})",
         "defaultAction: \"SCMP_ACT_PERMIT\" is no action; one of SCMP_ACT_ALLOW, "},
        {R"({"defaultAction": "SCMP_ACT_NOTIFY"})", "defaultAction: SCMP_ACT_NOTIFY needs a listener"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 65536})",
         "defaultErrnoRet: 65536 is no errno; a number from 1 to 4095"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096})", "defaultErrnoRet: 4096 is no errno"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 0})", "defaultErrnoRet: 0 is no errno"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1})", "defaultErrnoRet: -1 where a whole number"},
        {R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})",
         "defaultErrnoRet: SCMP_ACT_ALLOW takes no errno"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "syscall": []})",
         "unknown key \"syscall\"; known here are defaultAction, "},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []})", "syscalls: no rule applies"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": {}})", "syscalls: an object where a list is expected"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_I386"]})",
         "architectures[0]: unknown architecture \"SCMP_ARCH_I386\""},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]})",
         "archMap: either this or \"architectures\""},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOUD"]})",
         "flags[0]: \"SECCOMP_FILTER_FLAG_LOUD\" is no flag; one of SECCOMP_FILTER_FLAG_TSYNC, "},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]})",
         "flags[0]: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a listener"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "EPREM"})", "defaultErrno: \"EPREM\" is no errno"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "65536"})", "defaultErrno: 65536 is no errno"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "-"})", "defaultErrno: \"-\" is no errno"},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "defaultErrno": "ENOSYS"})",
         "defaultErrnoRet: 1, but defaultErrno says 38"},
        {R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrno": "EPERM"})",
         "defaultErrno: SCMP_ACT_ALLOW takes no errno"},
        {with(R"({"names": ["@files"], "action": "SCMP_ACT_ALLOW"})"), "syscalls[1].names[0]: no kernel has"},
        {with(R"({"names": ["open stat"], "action": "SCMP_ACT_ALLOW"})"), "syscalls[1].names[0]: no kernel has"},
        {with(R"({"names": ["open"], "name": "stat", "action": "SCMP_ACT_ALLOW"})"),
         "syscalls[1].name: either this or \"names\""},
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/x"})", "listenerPath: there is no listener"},
        {with("7"), "syscalls[1]: 7 where an object is expected"},
        {with(R"({"names": ["opne"], "action": "SCMP_ACT_ALLOW"})"),
         "syscalls[1].names[0]: no kernel has a system call \"opne\""},
        {with(R"({"names": ["open\u0000x"], "action": "SCMP_ACT_ALLOW"})"), "syscalls[1].names[0]: no kernel has"},
        {with(R"({"names": [5], "action": "SCMP_ACT_ALLOW"})"), "syscalls[1].names[0]: 5 where a text is expected"},
        {with(R"({"names": [], "action": "SCMP_ACT_ALLOW"})"), "syscalls[1].names: at least one system call"},
        {with(R"({"name": "open", "action": "SCMP_ACT_ALLOW"})"), "syscalls[1].name: the old form"},
        {with(R"({"names": ["open"]})"), "syscalls[1].action: nothing where a text is expected"},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1})"),
         "syscalls[1].errnoRet: SCMP_ACT_ALLOW takes no errno"},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ERRNO", "errnoRet": 65536})"),
         "syscalls[1].errnoRet: 65536 is no errno"},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1.0})"),
         "syscalls[1].errnoRet: 1.0 where a whole number"},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "arg": []})"), "syscalls[1]: unknown key \"arg\""},
        {with(
             R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]})"),
         "syscalls[1].args[0].index: 6 is no argument; 0 to 5"},
        {with(
             R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQUAL"}]})"),
         "syscalls[1].args[0].op: \"SCMP_CMP_EQUAL\" is no comparison; one of SCMP_CMP_EQ, "},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "SCMP_CMP_EQ"}]})"),
         "syscalls[1].args[0].value: nothing where a whole number"},
        {with(
             R"({"names": ["read", "socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4294967312, "op": "SCMP_CMP_EQ"}]})"),
         "syscalls[1].args[0]: wider than what the kernel reads of read's argument 0, 32 bits"},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "includes": {"cap": []}})"),
         "syscalls[1].includes: unknown key \"cap\""},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["SYS_ADMIN"]}})"),
         "syscalls[1].includes.caps[0]: \"SYS_ADMIN\""},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd46"]}})"),
         "syscalls[1].excludes.arches[0]: unknown architecture \"amd46\""},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4"}})"),
         "syscalls[1].includes.minKernel: \"4\" is no kernel version"},
        {with(R"({"names": ["open"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8-rc1"}})"),
         "syscalls[1].includes.minKernel: "},
    };
    for (const Bad& bad : all) {
        EXPECT_THAT(error_of(bad.json), StartsWith(bad.error)) << bad.json;
    }
}

TEST(ConfineRead, ReadsAnErrnoByItsName) {
    const Profile profile = read(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errno": "EAFNOSUPPORT"},
                     {"names": ["write"], "action": "SCMP_ACT_ERRNO", "errno": "95"},
                     {"names": ["open"], "action": "SCMP_ACT_ERRNO", "errno": "ENOTSUP"},
                     {"names": ["close"], "action": "SCMP_ACT_ERRNO", "errno": "", "errnoRet": 13},
                     {"names": ["stat"], "action": "SCMP_ACT_ALLOW", "errno": ""},
                     {"names": ["dup"], "action": "SCMP_ACT_ERRNO"}]})");
    EXPECT_EQ(profile.default_action, refusal(ENOSYS));
    std::vector<Action> actions;
    for (const Rule& rule : profile.rules) {
        actions.push_back(rule.action);
    }
    EXPECT_THAT(actions, ElementsAre(refusal(EAFNOSUPPORT), refusal(95), refusal(EOPNOTSUPP), refusal(EACCES),
                                     SECCOMP_RET_ALLOW, refusal(EPERM)));
}

TEST(ConfineRead, KnowsEveryErrnoOfTheSystem) {
    for (unsigned number = 1; number < 134; ++number) {
#ifdef __GLIBC__ // musl has no names to hold ours against
        if (const char* name = strerrorname_np(static_cast<int>(number))) {
            EXPECT_EQ(errno_of(name), number) << name;
            EXPECT_EQ(errno_of(errno_name(number)), number);
        }
#endif
        const std::string ours = errno_name(number);
        EXPECT_TRUE(ours == std::to_string(number) || errno_of(ours) == number) << ours; // two numbers have no name
    }
    EXPECT_EQ(errno_name(2000), "2000");
    EXPECT_EQ(errno_name(0), "0");
    EXPECT_FALSE(errno_of(""));
}

TEST(ConfineRead, KeepsTheFlagsForTheKernel) {
    const Profile profile = read(R"({"defaultAction": "SCMP_ACT_ERRNO",
        "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"],
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})");
    EXPECT_EQ(profile.flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC);
}

TEST(ConfineRead, FindsTheProfileInARuntimesConfiguration) {
    const Profile profile = read(R"({"ociVersion": "1.0.2", "process": {"args": ["sh"]},
        "linux": {"namespaces": [], "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_NATIVE"],
                  "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}}})");
    EXPECT_THAT(profile.architectures, ElementsAre(Architecture::kX86_64));
    EXPECT_EQ(profile.rules.size(), 1U);
    EXPECT_THAT(error_of(R"({"linux": {"seccomp": {"defaultAction": "X"}}})"),
                StartsWith("linux.seccomp.defaultAction"));
    EXPECT_THAT(error_of(R"({"linux": {}})"), HasSubstr("nothing where an object"));
}

TEST(ConfineRead, RemembersWhatTheAuthorKnew) {
    const Profile profile = read(
        with(R"({"names": ["mount", "mseal"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}})"));
    EXPECT_EQ(profile.rules.size(), 1U);
    EXPECT_THAT(profile.also_named, ElementsAre("mount", "mseal"));
}

TEST(ConfineRead, SaysForWhichKernelsItsAnswerHolds) {
    const std::string json =
        with(R"({"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
                                     {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "6.2"}})");
    const Profile between = read(json, {Architecture::kX86_64, 5, 10});
    EXPECT_EQ(between.kernel_from, 4U << 16 | 8);
    EXPECT_EQ(between.kernel_below, 6U << 16 | 2);
    EXPECT_EQ(read(json, {Architecture::kX86_64, 4, 7}).kernel_below, 4U << 16 | 8);
    EXPECT_EQ(read(json, {Architecture::kX86_64, 6, 2}).kernel_below, kNoKernel);
    EXPECT_EQ(read(with(R"({"names": ["bpf"], "action": "SCMP_ACT_ALLOW"})")).kernel_from, 0U);
}

TEST(ConfineRead, PassesOverWhatOtherRuntimesPassOverWhenAsked) {
    Ignored ignored;
    const Result<Profile> profile = read_profile(R"({"defaultAction": "SCMP_ACT_ERRNO", "version": 2,
        "syscalls": [{"name": "read", "action": "SCMP_ACT_ALLOW", "errnoRet": 1},
                     {"names": ["opne", "open"], "action": "SCMP_ACT_ALLOW", "priority": 3},
                     {"names": ["opne"], "action": "SCMP_ACT_ALLOW"}]})",
                                                 kX86Machine, &ignored);
    ASSERT_TRUE(profile) << profile.error().line;
    ASSERT_EQ(profile->rules.size(), 2U);
    EXPECT_THAT(profile->rules[0].names, ElementsAre("read"));
    EXPECT_EQ(profile->rules[0].action, SECCOMP_RET_ALLOW);
    EXPECT_THAT(profile->rules[1].names, ElementsAre("open"));
    EXPECT_THAT(ignored,
                ElementsAre(StartsWith("unknown key \"version\""), StartsWith("syscalls[0].name: the old form"),
                            StartsWith("syscalls[0].errnoRet: SCMP_ACT_ALLOW takes no errno"),
                            StartsWith("syscalls[1]: unknown key \"priority\""),
                            StartsWith("syscalls[1].names[0]: no kernel"),
                            StartsWith("syscalls[2].names[0]: no kernel")));
}

TEST(ConfineRead, RefusesEvenLenientlyWhatCannotBeMeant) {
    for (
        const char* json :
        {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 65536, "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})",
         R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["opne"], "action": "SCMP_ACT_ALLOW"}]})",
         R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_PERMIT"}]})"}) {
        Ignored ignored;
        EXPECT_FALSE(read_profile(json, kX86Machine, &ignored)) << json;
    }
}

// A table over rules whose entry is read also when it does not apply: a mistake in it is a mistake.
TEST(ConfineRead, RefusesAMistakeInARuleForAnotherMachine) {
    EXPECT_THAT(error_of(with(R"({"names": ["opne"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}})")),
                HasSubstr("opne"));
}

TEST(ConfineRead, SurvivesDeepNesting) {
    EXPECT_THAT(error_of(std::string(100000, '[') + std::string(100000, ']')), HasSubstr("a list"));
    EXPECT_THAT(error_of(R"({"defaultAction": )" + std::string(100000, '[') + std::string(100000, ']') + "}"),
                HasSubstr("defaultAction: a list"));
}

TEST(ConfineRead, KnowsTheKernelItRunsOn) {
    EXPECT_GE(this_machine().kernel_major, 4U);
    EXPECT_EQ(this_machine().native, native_architecture());
}

} // namespace
} // namespace stepdown::testing
