#include <gtest/gtest.h>

#include "emulate/owners.hpp"

namespace stepdown::emulate {
namespace {

TEST(EmulateOwners, AreRememberedByDeviceAndInode) {
    OwnerTable table;
    EXPECT_EQ(table.find(1, 2), std::nullopt);
    EXPECT_TRUE(table.set(1, 2, {33, 34}));
    EXPECT_TRUE(table.set(1, 1, {5, 6}));
    EXPECT_TRUE(table.set(0, 9, {7, 8}));
    EXPECT_EQ(table.find(1, 2), (Owner{33, 34}));
    EXPECT_EQ(table.find(1, 1), (Owner{5, 6}));
    EXPECT_EQ(table.find(0, 9), (Owner{7, 8}));
    EXPECT_EQ(table.find(2, 1), std::nullopt);
    EXPECT_EQ(table.find(2, 9), std::nullopt);
    EXPECT_TRUE(table.set(1, 2, {0, 0}));
    EXPECT_EQ(table.find(1, 2), (Owner{0, 0})) << "the last one counts";
}

TEST(EmulateOwners, HaveAFixedRoom) {
    OwnerTable table(2);
    EXPECT_TRUE(table.set(1, 1, {}));
    EXPECT_TRUE(table.set(1, 2, {}));
    EXPECT_FALSE(table.set(1, 3, {}));
    EXPECT_EQ(table.find(1, 3), std::nullopt);
    EXPECT_TRUE(table.set(1, 1, {7, 7})) << "no new one";
}

} // namespace
} // namespace stepdown::emulate
