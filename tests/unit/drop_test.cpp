#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drop/drop.hpp"
#include "unit/recording_kernel.hpp"

namespace stepdown {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RecordingKernel;
using ::testing::StartsWith;

Facts root() {
    return {.uid = all_four(0),
            .gid = all_four(0),
            .groups = {{0, 27}},
            .capabilities =
                CapabilitySets{.inheritable = 1, .permitted = 3, .effective = 3, .bounding = 3, .ambient = 1},
            .securebits = 0,
            .no_new_privs = false};
}

Facts app() {
    return {.uid = all_four(10001),
            .gid = all_four(10002),
            .groups = std::vector<std::uint32_t>{},
            .capabilities = CapabilitySets{},
            .securebits = 0xef,
            .no_new_privs = true};
}

TEST(Drop, OrderIsTheSecurityArgument) {
    RecordingKernel kernel;
    ASSERT_TRUE(drop::step_down(kernel, root(), app()));
    EXPECT_THAT(kernel.calls, ElementsAre("close_from 3", "clear_ambient", "drop_bounding 0", "drop_bounding 1",
                                          "set_securebits 239", "set_groups 0", "set_gid 10002", "set_uid 10001",
                                          "set_capabilities", "set_no_new_privs", "set_dumpable"));
}

TEST(Drop, WhatIsTrueAlreadyIsNotAskedFor) {
    RecordingKernel kernel;
    ASSERT_TRUE(drop::step_down(kernel, app(), app()));
    EXPECT_THAT(kernel.calls, ElementsAre("close_from 3", "set_capabilities", "set_dumpable"));
}

TEST(Drop, CapabilitiesAreSixtyFourBitsWide) {
    RecordingKernel kernel;
    Facts before = root();
    before.capabilities->bounding = std::uint64_t{1} << 63 | std::uint64_t{1} << 40;
    ASSERT_TRUE(drop::step_down(kernel, before, app()));
    EXPECT_THAT(kernel.calls, ::testing::IsSupersetOf({"drop_bounding 40", "drop_bounding 63"}));
}

TEST(Drop, EveryRefusalEndsTheDropAndNamesItsCall) {
    const struct {
        const char* refused;
        const char* named;
    } rows[] = {
        {"close_from", "close_range"},
        {"clear_ambient", "PR_CAP_AMBIENT_CLEAR_ALL"},
        {"drop_bounding", "PR_CAPBSET_DROP"},
        {"set_securebits", "PR_SET_SECUREBITS"},
        {"set_groups", "setgroups"},
        {"set_gid", "setresgid"},
        {"set_uid", "setresuid"},
        {"set_capabilities", "capset"},
        {"set_no_new_privs", "NO_NEW_PRIVS"},
        {"set_dumpable", "PR_SET_DUMPABLE"},
    };
    EXPECT_EQ(std::size(rows), drop::order().size());
    for (const auto& [refused, named] : rows) {
        RecordingKernel kernel;
        kernel.refused = refused;
        const Result<> result = drop::step_down(kernel, root(), app());
        ASSERT_FALSE(result) << refused;
        EXPECT_EQ(result.error().code, ExitCode::kDrop);
        EXPECT_THAT(result.error().line, HasSubstr(named));
        EXPECT_THAT(kernel.calls.back(), StartsWith(refused)) << "nothing may follow a refusal";
    }
}

TEST(Drop, EveryRowGivesItsReason) {
    for (const drop::Step& step : drop::order()) {
        EXPECT_STRNE(step.name, "");
        EXPECT_STRNE(step.reason, "");
    }
}

} // namespace
} // namespace stepdown
