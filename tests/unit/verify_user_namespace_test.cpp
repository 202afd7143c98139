#include <gtest/gtest.h>

#include "verify/user_namespace.hpp"

using stepdown::verify::IdRange;
using stepdown::verify::outside_id;
using stepdown::verify::parse_id_map;

TEST(VerifyUserNamespace, ReadsTheKernelsMap) {
    EXPECT_EQ(parse_id_map("         0     100000      65536\n     70000          5          1\n"),
              (std::vector<IdRange>{{0, 100000, 65536}, {70000, 5, 1}}));
    EXPECT_EQ(parse_id_map("         0          0 4294967295\n"), (std::vector<IdRange>{{0, 0, 4294967295}}));
    EXPECT_EQ(parse_id_map(""), std::vector<IdRange>{});
}

TEST(VerifyUserNamespace, RefusesWhatIsNotAMap) {
    for (const char* const text :
         {"0 1\n", "0 1 2 3\n", "0 1 x\n", "0 1 2", "0 1 4294967296\n", "-1 0 1\n", "\n", "0 1 2x\n"}) {
        EXPECT_EQ(parse_id_map(text), std::nullopt) << text;
    }
}

TEST(VerifyUserNamespace, FindsWhoAnIdIsOutside) {
    const std::vector<IdRange> map = {{0, 100000, 65536}, {70000, 5, 1}, {4294967290, 7, 5}};
    EXPECT_EQ(outside_id(map, 0), 100000U);
    EXPECT_EQ(outside_id(map, 65535), 165535U);
    EXPECT_EQ(outside_id(map, 65536), std::nullopt);
    EXPECT_EQ(outside_id(map, 70000), 5U);
    EXPECT_EQ(outside_id(map, 70001), std::nullopt);
    EXPECT_EQ(outside_id(map, 4294967294), 11U);
    EXPECT_EQ(outside_id({}, 0), std::nullopt);
}

TEST(VerifyUserNamespace, MapsIdsToWhatAnObserverOutsideSees) {
    stepdown::Facts facts;
    facts.uid = stepdown::all_four(10001);
    facts.gid = stepdown::all_four(70000);
    facts.groups = {0, 5};
    const std::vector<IdRange> uids = {{0, 100000, 65536}};
    stepdown::verify::map_ids(facts, uids, std::vector<IdRange>{{0, 200000, 2}});
    EXPECT_EQ(facts.uid, stepdown::all_four(110001));
    EXPECT_EQ(facts.gid, stepdown::all_four(4294967295));
    EXPECT_EQ(facts.groups, (std::vector<std::uint32_t>{200000, 4294967295}));
    stepdown::verify::map_ids(facts, std::nullopt, std::nullopt);
    EXPECT_EQ(facts.uid, stepdown::all_four(110001));
}
