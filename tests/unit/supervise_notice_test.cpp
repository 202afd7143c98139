#include <gtest/gtest.h>

#include "supervise/notice.hpp"

namespace stepdown::supervise {
namespace {

using std::chrono::microseconds;

TEST(Notice, SaysWhatItsLinesSay) {
    EXPECT_EQ(read_notice("READY=1"), Notice{.ready = true});
    EXPECT_EQ(read_notice("READY=1\n"), Notice{.ready = true});
    EXPECT_EQ(read_notice("STATUS=up\nREADY=1\nX=Y"), Notice{.ready = true});
    EXPECT_EQ(read_notice("STOPPING=1"), Notice{.stopping = true});
    EXPECT_EQ(read_notice("WATCHDOG=1"), Notice{.alive = true});
    EXPECT_EQ(read_notice("WATCHDOG=trigger"), Notice{.failed = true});
    EXPECT_EQ(read_notice("EXTEND_TIMEOUT_USEC=1500000"), Notice{.extended = microseconds(1'500'000)});
    EXPECT_EQ(read_notice("READY=1\nMAINPID=12"), (Notice{.ready = true, .main_pid = 12}));
}

TEST(Notice, OneZeroByteMayEndIt) {
    using std::string_view_literals::operator""sv;
    EXPECT_EQ(read_notice("READY=1\0"sv), Notice{.ready = true});
    EXPECT_EQ(read_notice("READY=1\n\0"sv), Notice{.ready = true});
    EXPECT_EQ(read_notice("READY=1\0\0"sv), Notice());
    EXPECT_EQ(read_notice("\0"sv), Notice());
}

TEST(Notice, WhatIsMalformedIsNotSaid) {
    for (const char* text :
         {"", "\n", "=", "READY", "READY=", "READY=0", "READY=11", " READY=1", "READY=1 ", "ready=1", "WATCHDOG=2",
          "MAINPID=0", "MAINPID=-1", "MAINPID=12x", "MAINPID=4294967297", "EXTEND_TIMEOUT_USEC=0",
          "EXTEND_TIMEOUT_USEC=-5", "EXTEND_TIMEOUT_USEC=99999999999999999999", "EXTEND_TIMEOUT_USEC=31556952000001"}) {
        EXPECT_EQ(read_notice(text), Notice()) << text;
    }
}

} // namespace
} // namespace stepdown::supervise
