#include <ostream>

#include <gtest/gtest.h>

#include "supervise/table.hpp"

// docs/supervise.md's table, written a second time, as sentences.
namespace stepdown::supervise {

void PrintTo(const Step& taken, std::ostream* out) {
    *out << "action " << static_cast<int>(taken.action) << ", then state " << static_cast<int>(taken.next);
}

namespace {

using enum State;
using enum Event;
using enum Action;

constexpr State kStates[] = {kRunning, kHolding, kStopping, kKilled, kDraining, kDrainKilled, kEnded};
constexpr Event kEvents[] = {kStopSignal, kDelayedStop, kOtherSignal, kAppEnded,
                             kChildEnded, kNoChildLeft, kTimer,       kWatchdog};

TEST(SuperviseTable, TheFirstStopSignalStartsTheGraceAndLaterOnesAreForwardedAtOnce) {
    EXPECT_EQ(step(kRunning, kStopSignal), (Step{kForwardAndTime, kStopping}));
    EXPECT_EQ(step(kStopping, kStopSignal), (Step{kForward, kStopping}));
}

TEST(SuperviseTable, ADelayedStopIsKeptUntilItsTimeIsOverOrAnotherComes) {
    EXPECT_EQ(step(kRunning, kDelayedStop), (Step{kHold, kHolding}));
    EXPECT_EQ(step(kHolding, kTimer), (Step{kRelease, kStopping}));
    EXPECT_EQ(step(kHolding, kDelayedStop), (Step{kReleaseToo, kStopping}));
    EXPECT_EQ(step(kStopping, kDelayedStop), (Step{kForward, kStopping}));
}

TEST(SuperviseTable, OtherSignalsAreForwardedAndChangeNothing) {
    EXPECT_EQ(step(kRunning, kOtherSignal), (Step{kForward, kRunning}));
    EXPECT_EQ(step(kHolding, kOtherSignal), (Step{kForward, kHolding}));
    EXPECT_EQ(step(kStopping, kOtherSignal), (Step{kForward, kStopping}));
}

TEST(SuperviseTable, TheAppIsKilledWhenTheGraceIsOverAndAtNoOtherTime) {
    for (const State state : kStates) {
        for (const Event event : kEvents) {
            EXPECT_EQ(step(state, event).action == kKillApp, state == kStopping && event == kTimer);
        }
    }
    EXPECT_EQ(step(kStopping, kTimer).next, kKilled);
}

TEST(SuperviseTable, ASilentAppIsAbortedOnceAndThenHasItsGrace) {
    for (const State state : kStates) {
        for (const Event event : kEvents) {
            EXPECT_EQ(step(state, event).action == kAbortApp,
                      (state == kRunning || state == kHolding) && event == kWatchdog);
        }
    }
    EXPECT_EQ(step(kRunning, kWatchdog).next, kStopping);
    EXPECT_EQ(step(kHolding, kWatchdog).next, kStopping);
}

TEST(SuperviseTable, HoweverTheAppEndsWhatItLeavesIsAskedToEnd) {
    for (const State state : {kRunning, kHolding, kStopping, kKilled}) {
        EXPECT_EQ(step(state, kAppEnded), (Step{kDrain, kDraining}));
    }
}

TEST(SuperviseTable, AnotherChildsEndIsOnlyReapedWhileTheAppLives) {
    for (const State state : {kRunning, kHolding, kStopping, kKilled}) {
        EXPECT_EQ(step(state, kChildEnded), (Step{kNothing, state}));
    }
}

TEST(SuperviseTable, WhoComesWhileDrainingIsToldToo) {
    EXPECT_EQ(step(kDraining, kChildEnded), (Step{kDrainNew, kDraining}));
    EXPECT_EQ(step(kDrainKilled, kChildEnded), (Step{kKillNew, kDrainKilled}));
}

TEST(SuperviseTable, WhatIsLeftIsKilledWhenTheDrainIsOver) {
    EXPECT_EQ(step(kDraining, kTimer), (Step{kKillRest, kDrainKilled}));
}

TEST(SuperviseTable, NobodyIsSignalledOnceTheAppHasEndedOrBeenKilled) {
    for (const State state : {kKilled, kDraining, kDrainKilled, kEnded}) {
        for (const Event event : {kStopSignal, kDelayedStop, kOtherSignal}) {
            EXPECT_EQ(step(state, event), (Step{kNothing, state}));
        }
    }
}

// Another user's processes, which it may not kill: nothing that they do would end the wait.
TEST(SuperviseTable, WhatSigkillDoesNotEndIsLeft) {
    EXPECT_EQ(step(kKilled, kTimer), (Step{kLeaveRest, kEnded}));
    EXPECT_EQ(step(kDrainKilled, kTimer), (Step{kLeaveRest, kEnded}));
}

TEST(SuperviseTable, ItEndsWithTheLastChildOrLeavesWhatCannotBeEnded) {
    for (const State state : kStates) {
        for (const Event event : kEvents) {
            EXPECT_EQ(step(state, event).next == kEnded,
                      event == kNoChildLeft || state == kEnded ||
                          ((state == kKilled || state == kDrainKilled) && event == kTimer));
        }
    }
}

TEST(SuperviseTable, NoStateIsEverGoneBackTo) {
    for (const State state : kStates) {
        for (const Event event : kEvents) {
            EXPECT_GE(step(state, event).next, state);
        }
    }
}

} // namespace
} // namespace stepdown::supervise
