#include "confine/plain_tcp.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

#include "confine/digest.hpp"
#include "confine/evaluate.hpp"
#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

constexpr Action kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint64_t kInternet = AF_INET;
constexpr std::uint64_t kInternet6 = AF_INET6;

Action answer(const Filter& filter, std::string_view name, std::initializer_list<std::uint64_t> arguments,
              Architecture architecture = native_architecture()) {
    return evaluate(filter.program(), call_of(name, arguments, architecture)).value_or(0xbadbad);
}

Filter kept(const Landlock& asked) {
    std::vector<std::string> warnings;
    Result<Filter> filter = keep_to_plain_tcp(Filter(BuiltIn::kDefault), asked, warnings);
    EXPECT_TRUE(filter) << filter.error().line;
    EXPECT_THAT(warnings, ::testing::IsEmpty());
    return filter ? std::move(*filter) : Filter();
}

TEST(ConfinePlainTcp, RefusesWhatReachesAPortBesidePlainTcp) {
    const Filter filter = kept({.connect = {443}});
    for (const std::uint64_t family : {kInternet, kInternet6}) {
        EXPECT_EQ(answer(filter, "socket", {family, SOCK_STREAM, 262}), refusal(EPROTONOSUPPORT));
        EXPECT_EQ(answer(filter, "socket", {family, SOCK_STREAM, 262 | 1ULL << 32}), refusal(EPROTONOSUPPORT));
        EXPECT_EQ(answer(filter, "socket", {family, SOCK_STREAM, 256}), refusal(EPROTONOSUPPORT));
        EXPECT_EQ(answer(filter, "socket", {family, SOCK_STREAM, 0}), kAllow);
        EXPECT_EQ(answer(filter, "socket", {family, SOCK_STREAM, 6}), kAllow);
    }
    EXPECT_EQ(answer(filter, "sendto", {3, 0, 1, MSG_FASTOPEN | MSG_NOSIGNAL}), refusal(EOPNOTSUPP));
    EXPECT_EQ(answer(filter, "sendmsg", {3, 0, MSG_FASTOPEN}), refusal(EOPNOTSUPP));
    EXPECT_EQ(answer(filter, "sendmmsg", {3, 0, 1, MSG_FASTOPEN}), refusal(EOPNOTSUPP));
    EXPECT_EQ(answer(filter, "sendto", {3, 0, 1, MSG_NOSIGNAL}), kAllow);
}

TEST(ConfinePlainTcp, LeavesWhatTheFilterRefusesAsItIs) {
    const Filter filter = kept({.connect = {443}});
    const Filter before(BuiltIn::kDefault);
    EXPECT_EQ(answer(filter, "socket", {38, SOCK_STREAM, 0}), answer(before, "socket", {38, SOCK_STREAM, 0}));
    EXPECT_EQ(answer(filter, "mount", {}), answer(before, "mount", {}));
    EXPECT_EQ(answer(filter, "read", {}), kAllow);
    EXPECT_EQ(evaluate(filter.program(), {.nr = 0, .arch = 0, .instruction_pointer = 0, .args = {}}),
              SECCOMP_RET_KILL_PROCESS);
    EXPECT_NE(filter.sha256(), before.sha256());
    EXPECT_EQ(filter.sha256(), sha256(filter.program()));
}

TEST(ConfinePlainTcp, LeavesFastOpenToAnAppThatOnlyListens) {
    const Filter filter = kept({.bind = {8080}});
    EXPECT_EQ(answer(filter, "socket", {AF_INET, SOCK_STREAM, 262}), refusal(EPROTONOSUPPORT));
    EXPECT_EQ(answer(filter, "sendto", {3, 0, 1, MSG_FASTOPEN}), kAllow);
}

TEST(ConfinePlainTcp, ChangesNothingWherePortsAreNotRestricted) {
    const std::string before(Filter(BuiltIn::kDefault).sha256());
    EXPECT_EQ(kept({}).sha256(), before);
    EXPECT_EQ(kept({.read_only_root = true}).sha256(), before);
    EXPECT_EQ(kept({.mode = LandlockMode::kOff, .connect = {443}}).sha256(), before);
}

TEST(ConfinePlainTcp, SaysWhatPassesWhereThereIsNoFilter) {
    std::vector<std::string> warnings;
    const Result<Filter> off = keep_to_plain_tcp(Filter(), {.connect = {443}}, warnings);
    ASSERT_TRUE(off);
    EXPECT_TRUE(off->off());
    EXPECT_THAT(warnings, ::testing::ElementsAre(::testing::HasSubstr("Multipath TCP")));
    const Result<Filter> required =
        keep_to_plain_tcp(Filter(), {.mode = LandlockMode::kRequire, .bind = {80}}, warnings);
    ASSERT_FALSE(required);
    EXPECT_EQ(required.error().code, ExitCode::kConfine);
}

} // namespace
} // namespace stepdown::testing
