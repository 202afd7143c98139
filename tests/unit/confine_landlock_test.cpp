#include <gmock/gmock.h>

#include "confine/landlock.hpp"
#include "unit/recording_kernel.hpp"

namespace stepdown::testing {
namespace {

using confine::make_ruleset;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(ConfineLandlock, AsksNothingOfTheKernelWhenNothingIsAsked) {
    RecordingKernel kernel;
    EXPECT_TRUE(make_ruleset(kernel, {}, {}));
    EXPECT_TRUE(make_ruleset(kernel, {.mode = LandlockMode::kOff, .connect = {80}}, {}));
    EXPECT_TRUE(make_ruleset(kernel, {.mode = LandlockMode::kRequire}, {}));
    EXPECT_THAT(kernel.calls, IsEmpty());
}

TEST(ConfineLandlock, HandlesOnlyTheKindsThatAreAskedFor) {
    RecordingKernel kernel;
    ASSERT_TRUE(make_ruleset(kernel, {.connect = {443, 80}}, {}));
    EXPECT_THAT(kernel.calls, ElementsAre("landlock_abi", "landlock_ruleset 0 2 0", "landlock_grant_port 2 443",
                                          "landlock_grant_port 2 80"));
    kernel.calls.clear();
    ASSERT_TRUE(make_ruleset(kernel, {.bind = {8080}, .scope_signals = true}, {}));
    EXPECT_THAT(kernel.calls, ElementsAre("landlock_abi", "landlock_ruleset 0 1 2", "landlock_grant_port 1 8080"));
    kernel.calls.clear();
    ASSERT_TRUE(make_ruleset(kernel, {.scope_abstract_sockets = true}, {}));
    EXPECT_THAT(kernel.calls, Contains("landlock_ruleset 0 0 1"));
}

TEST(ConfineLandlock, LeavesOutWhatAnOlderKernelCannotDoAndSaysSo) {
    RecordingKernel kernel;
    kernel.abi = 3;
    const auto rules = make_ruleset(kernel, {.connect = {80}, .scope_signals = true}, {});
    ASSERT_TRUE(rules) << rules.error().line;
    EXPECT_FALSE(rules->fd);
    EXPECT_THAT(rules->warnings, ElementsAre(HasSubstr("TCP ports are not restricted"), HasSubstr("signals")));
    EXPECT_THAT(kernel.calls, ElementsAre("landlock_abi"));
}

TEST(ConfineLandlock, RefusesTheStartWhereItIsRequired) {
    RecordingKernel kernel;
    kernel.abi = 5;
    const auto rules = make_ruleset(kernel, {.mode = LandlockMode::kRequire, .scope_signals = true}, {});
    ASSERT_FALSE(rules);
    EXPECT_EQ(rules.error().code, ExitCode::kConfine);
    EXPECT_THAT(rules.error().line, HasSubstr("version 5"));
    kernel.refused = "landlock_abi";
    kernel.error = ENOSYS;
    EXPECT_THAT(make_ruleset(kernel, {.mode = LandlockMode::kRequire, .connect = {80}}, {}).error().line,
                HasSubstr("no Landlock"));
    const auto without = make_ruleset(kernel, {.connect = {80}}, {});
    ASSERT_TRUE(without);
    EXPECT_EQ(without->abi, 0U);
    EXPECT_THAT(without->warnings, SizeIs(1));
}

TEST(ConfineLandlock, FailsClosedWhenTheKernelRefuses) {
    for (const char* call : {"landlock_ruleset", "landlock_grant_port"}) {
        RecordingKernel kernel;
        kernel.refused = call;
        const auto rules = make_ruleset(kernel, {.connect = {80}}, {});
        ASSERT_FALSE(rules) << call;
        EXPECT_EQ(rules.error().code, ExitCode::kConfine);
        EXPECT_THAT(rules.error().line, StartsWith("landlock: "));
    }
}

TEST(ConfineLandlock, SaysWhichPathCannotBeGranted) {
    RecordingKernel kernel;
    kernel.refused = "open_at";
    kernel.error = ELOOP;
    const auto rules = make_ruleset(kernel, {.files = {{FileGrantKind::kRead, "/var/run"}}}, {});
    ASSERT_FALSE(rules);
    EXPECT_EQ(rules.error().code, ExitCode::kUsage);
    EXPECT_THAT(rules.error().line, HasSubstr("/var/run"));
    EXPECT_THAT(rules.error().line, HasSubstr("without symbolic links"));
}

} // namespace
} // namespace stepdown::testing
