#include <gtest/gtest.h>

#include "verify/status.hpp"

using namespace stepdown;
using verify::parse_status;
using verify::read_status;

namespace {

// As Linux 6.18 writes it for a process of Docker's.
constexpr const char* kWhole =
    "Name:\tnginx\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\nNgid:\t0\nPid:\t9\nPPid:\t1\n"
    "TracerPid:\t0\nUid:\t10001\t10002\t10003\t10004\nGid:\t1\t2\t3\t4\nFDSize:\t256\n"
    "Groups:\t4 24 1000 \nNStgid:\t7\nNSpid:\t9\nVmPeak:\t    3060 kB\nThreads:\t1\n"
    "SigBlk:\t0000000000000000\nCapInh:\t0000000000000001\nCapPrm:\t00000000a80425fb\n"
    "CapEff:\tffffffffffffffff\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000400\n"
    "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n"
    "Speculation_Store_Bypass:\tvulnerable\nCpus_allowed:\t3\n";

std::string with(std::string_view line, std::string_view other) {
    std::string text = kWhole;
    const std::size_t at = text.find(line);
    EXPECT_NE(at, std::string::npos) << line;
    return text.replace(at, line.size(), other);
}

} // namespace

TEST(VerifyStatus, ReadsWhatTheKernelWrites) {
    const auto status = read_status(kWhole);
    EXPECT_FALSE(status.malformed);
    const Thread& thread = status.thread;
    EXPECT_EQ(thread.name, "nginx");
    EXPECT_EQ(thread.state, 'S');
    EXPECT_EQ(thread.pid, 7);
    EXPECT_EQ(thread.tid, 9);
    EXPECT_EQ(thread.parent, 1);
    EXPECT_EQ(thread.tracer, 0);
    EXPECT_EQ(thread.facts.uid, (FourIds{10001, 10002, 10003, 10004}));
    EXPECT_EQ(thread.facts.gid, (FourIds{1, 2, 3, 4}));
    EXPECT_EQ(thread.facts.groups, (std::vector<std::uint32_t>{4, 24, 1000}));
    EXPECT_EQ(thread.facts.capabilities, (CapabilitySets{1, 0xa80425fb, 0xffffffffffffffff, 0x1ffffffffff, 0x400}));
    EXPECT_EQ(thread.facts.no_new_privs, true);
    EXPECT_EQ(thread.facts.seccomp_mode, 2);
    EXPECT_EQ(thread.facts.seccomp_filters, 3U);
    EXPECT_EQ(thread.facts.securebits, std::nullopt);
}

TEST(VerifyStatus, NothingSaidIsNothingKnown) {
    const auto status = read_status("");
    EXPECT_FALSE(status.malformed);
    EXPECT_EQ(status.thread.facts, Facts{});
    EXPECT_EQ(status.thread.pid, -1);
    EXPECT_EQ(status.thread.tid, -1);
    EXPECT_EQ(status.thread.parent, -1);
    EXPECT_EQ(status.thread.tracer, -1);
    EXPECT_EQ(status.thread.state, '?');
}

TEST(VerifyStatus, NoGroupsIsNotUnknownGroups) {
    EXPECT_EQ(parse_status("Groups:\t \n").facts.groups, std::vector<std::uint32_t>{});
    EXPECT_EQ(parse_status("Groups:\t\n").facts.groups, std::vector<std::uint32_t>{});
}

TEST(VerifyStatus, GroupsThatAUserNamespaceReordersAreSorted) {
    EXPECT_EQ(parse_status("Groups:\t30 10 20 \n").facts.groups, (std::vector<std::uint32_t>{10, 20, 30}));
}

TEST(VerifyStatus, UnmappedAndLargestIdsAreRead) {
    EXPECT_EQ(parse_status("Uid:\t0\t65534\t4294967294\t4294967295\n").facts.uid,
              (FourIds{0, 65534, 4294967294, 4294967295}));
}

namespace {

// Each is a known line as the kernel never writes it: its field is empty, and all others are untouched.
struct Malformed {
    const char* line;
    const char* other;
    void (*forget)(Thread&);
};

class VerifyStatusMalformed : public ::testing::TestWithParam<Malformed> {};

} // namespace

TEST_P(VerifyStatusMalformed, EmptiesItsFieldAlone) {
    const auto status = read_status(with(GetParam().line, GetParam().other));
    EXPECT_TRUE(status.malformed);
    Thread expected = parse_status(kWhole);
    GetParam().forget(expected);
    EXPECT_EQ(status.thread, expected);
}

namespace {

constexpr auto kNoUid = [](Thread& thread) { thread.facts.uid.reset(); };
constexpr auto kNoGid = [](Thread& thread) { thread.facts.gid.reset(); };
constexpr auto kNoGroups = [](Thread& thread) { thread.facts.groups.reset(); };
constexpr auto kNoCapabilities = [](Thread& thread) { thread.facts.capabilities.reset(); };
constexpr auto kNoNnp = [](Thread& thread) { thread.facts.no_new_privs.reset(); };
constexpr auto kNoMode = [](Thread& thread) { thread.facts.seccomp_mode.reset(); };
constexpr auto kNoFilters = [](Thread& thread) { thread.facts.seccomp_filters.reset(); };
constexpr auto kNoTracer = [](Thread& thread) { thread.tracer = -1; };
constexpr auto kNoParent = [](Thread& thread) { thread.parent = -1; };

constexpr const char* kUidLine = "Uid:\t10001\t10002\t10003\t10004\n";

} // namespace

INSTANTIATE_TEST_SUITE_P(
    Lines, VerifyStatusMalformed,
    ::testing::Values(
        Malformed{kUidLine, "Uid:\t10001\t10002\t10003\n", kNoUid},
        Malformed{kUidLine, "Uid:\t10001\t10002\t10003\t10004\t5\n", kNoUid}, Malformed{kUidLine, "Uid:\t\n", kNoUid},
        Malformed{kUidLine, "Uid:\n", kNoUid}, Malformed{kUidLine, "Uid\n", kNoUid},
        Malformed{kUidLine, "Uid: 10001\t10002\t10003\t10004\n", kNoUid},
        Malformed{kUidLine, "Uid:\t10001\t10002\t10003\t4294967296\n", kNoUid},
        Malformed{kUidLine, "Uid:\t10001\t10002\t10003\t-1\n", kNoUid},
        Malformed{kUidLine, "Uid:\t10001\t10002\t10003\t0x10\n", kNoUid},
        Malformed{kUidLine, "Uid:\t10001\t10002\t10003\t+4\n", kNoUid},
        Malformed{"Uid:", "Uid:\t1\t1\t1\t1\nUid:", kNoUid}, // twice
        Malformed{"Gid:\t1\t2", "Gid:\t1 2 3", kNoGid}, Malformed{"Groups:\t4 ", "Groups:\t4x ", kNoGroups},
        Malformed{"Groups:\t4 ", "Groups:\t4294967296 ", kNoGroups},
        Malformed{"CapInh:\t0000000000000001", "CapInh:\t1", kNoCapabilities},
        Malformed{"CapPrm:\t00000000a80425fb", "CapPrm:\t00000000a80425fg", kNoCapabilities},
        Malformed{"CapEff:\tffffffffffffffff", "CapEff:\tfffffffffffffffff", kNoCapabilities},
        Malformed{"CapBnd:", "CapBnd:\t0000000000000000\nCapBnd:", kNoCapabilities},
        Malformed{"CapAmb:\t0000000000000400\n", "", kNoCapabilities},
        Malformed{"NoNewPrivs:\t1", "NoNewPrivs:\t2", kNoNnp}, Malformed{"NoNewPrivs:\t1", "NoNewPrivs:\t1 ", kNoNnp},
        Malformed{"Seccomp:\t2", "Seccomp:\t3", kNoMode}, Malformed{"Seccomp:\t2", "Seccomp:\t", kNoMode},
        Malformed{"Seccomp_filters:\t3", "Seccomp_filters:\t-3", kNoFilters},
        Malformed{"TracerPid:\t0", "TracerPid:\t", kNoTracer}, Malformed{"PPid:\t1", "PPid:\t2147483648", kNoParent}));

TEST(VerifyStatus, ALineThatIsCutOffIsNotBelieved) {
    const auto status = read_status("NoNewPrivs:\t1\nSeccomp_filters:\t1");
    EXPECT_TRUE(status.malformed);
    EXPECT_EQ(status.thread.facts.no_new_privs, true);
    EXPECT_EQ(status.thread.facts.seccomp_filters, std::nullopt);
}

TEST(VerifyStatus, AppsCannotForgeALineByTheirName) {
    const auto status = read_status("Name:\ta\\nUid:\\\\0\nUid:\t1\t1\t1\t1\n");
    EXPECT_EQ(status.thread.name, "a\nUid:\\0");
    EXPECT_EQ(status.thread.facts.uid, all_four(1));
    EXPECT_FALSE(status.malformed);
}

TEST(VerifyStatus, KeysAreWholeWords) {
    const auto status = read_status("XUid:\t0\t0\t0\t0\nUidX:\t0\t0\t0\t0\n Uid:\t0\t0\t0\t0\nuid:\t0\t0\t0\t0\n");
    EXPECT_FALSE(status.malformed);
    EXPECT_EQ(status.thread.facts, Facts{});
}

TEST(VerifyStatus, WritesWhatItReads) {
    const Facts facts = parse_status(kWhole).facts;
    std::string text;
    verify::append_facts(text, facts);
    EXPECT_EQ(parse_status(text).facts, facts);
    EXPECT_NE(text.find("Groups:\t4 24 1000 \n"), std::string::npos) << text;
    text.clear();
    verify::append_facts(text, Facts{});
    EXPECT_EQ(text, "");
}
