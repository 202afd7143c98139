#include <gtest/gtest.h>

#include "verify/mounts.hpp"

using namespace stepdown::verify;

TEST(VerifyMounts, ReadsWhatTheKernelWrites) {
    const auto mounts =
        parse_mounts("22 1 0:20 / / rw,relatime master:1 propagate_from:2 - overlay overlay rw,lowerdir=/a\n"
                     "23 22 0:21 /sub\\040dir /with\\040blank\\134 ro,noexec - tmpfs tmpfs rw\n"
                     "24 22 8:1 / /disk rw shared:7 - ext4 /dev/sda1 ro,errors=remount-ro\n");
    ASSERT_TRUE(mounts);
    EXPECT_EQ((*mounts)[0], (Mount{22, 1, "/", "/", "overlay", false, false}));
    EXPECT_EQ((*mounts)[1], (Mount{23, 22, "/sub dir", "/with blank\\", "tmpfs", true, true}));
    EXPECT_TRUE((*mounts)[2].read_only) << "by its file system";
}

TEST(VerifyMounts, WhatTheKernelDoesNotWriteIsNoTable) {
    for (const char* const text :
         {"", "\n", "22 1 0:20 / / rw - overlay overlay rw", "22 x 0:1 / / rw - a a rw\n",
          "22 1 0:20 / root rw - a a rw\n", "22 1 0:20 / / rw\n", "x 1 0:1 / / rw - a a rw\n"}) {
        EXPECT_FALSE(parse_mounts(text)) << text;
    }
}

TEST(VerifyMounts, APathIsInWhatAWalkAlongItEntersLast) {
    const auto mounts = parse_mounts("1 0 0:1 / / rw - a a rw\n"
                                     "2 1 0:2 / /proc rw - proc proc rw\n"
                                     "3 2 0:2 /sys /proc/sys ro - proc proc rw\n"
                                     "4 1 0:4 / /data rw - tmpfs tmpfs rw\n"
                                     "5 2 0:2 / /proc rw - proc proc rw\n"
                                     "6 4 0:6 / /data/below rw - tmpfs tmpfs rw\n");
    ASSERT_TRUE(mounts);
    EXPECT_EQ(mount_of(*mounts, "/procs")->id, 1);
    EXPECT_EQ(mount_of(*mounts, "/proc")->id, 5);            // mounted over the other
    EXPECT_EQ(mount_of(*mounts, "/proc/sys/kernel")->id, 5); // and over what was mounted in that
    EXPECT_EQ(mount_of(*mounts, "/data/below/x")->id, 6);
    EXPECT_EQ(mount_of(*mounts, "/data/belows")->id, 4);
    EXPECT_EQ(mount_of({}, "/"), nullptr);
}
