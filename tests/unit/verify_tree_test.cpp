#include <gtest/gtest.h>

#include "sys/kernel.hpp"
#include "unit/verify_fixture.hpp"
#include "verify/tree.hpp"

using namespace stepdown;
using stepdown::testing::a_thread;
using stepdown::testing::FakeProc;
using stepdown::testing::put;
using verify::Tree;
using verify::walk;

namespace {

std::string roles(const Tree& tree) {
    std::string text;
    for (const auto& seen : tree.threads) {
        text += std::to_string(seen.thread.pid) + "/" + std::to_string(seen.thread.tid) + ":" +
                (seen.role == Role::kInit  ? "init"
                 : seen.role == Role::kApp ? "app"
                                           : "foreign") +
                " ";
    }
    return text;
}

Tree walk_at(const FakeProc& proc, pid_t init = 1) { return walk(sys::real_kernel(), proc.path(), init); }

} // namespace

TEST(VerifyTree, TellsInitAppAndForeignApart) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1), a_thread(7, 12, 1), a_thread(30, 30, 0),
                         a_thread(31, 31, 30), a_thread(9, 9, 7), a_thread(100, 100, 31)});
    EXPECT_EQ(roles(walk_at(proc)), "1/1:init 7/7:app 7/12:app 9/9:app 30/30:foreign 31/31:foreign 100/100:foreign ");
}

TEST(VerifyTree, AnInitThatIsNotPid1HasForeignAncestors) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(5, 5, 1), a_thread(6, 6, 5), a_thread(8, 8, 1)});
    EXPECT_EQ(roles(walk_at(proc, 5)), "1/1:foreign 5/5:init 6/6:app 8/8:foreign ");
}

TEST(VerifyTree, AChildMayHaveALowerNumberThanItsParent) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(900, 900, 1), a_thread(3, 3, 900)});
    EXPECT_EQ(roles(walk_at(proc)), "1/1:init 3/3:app 900/900:app ");
}

TEST(VerifyTree, WhoseDescentCannotBeToldIsTheApps) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(8, 8, 77), a_thread(20, 20, 21), a_thread(21, 21, 20)});
    EXPECT_EQ(roles(walk_at(proc)), "1/1:init 8/8:app 20/20:app 21/21:app ");
}

TEST(VerifyTree, WhatVanishesWasNeverThere) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1), a_thread(7, 12, 1)});
    std::filesystem::remove(proc.status_path(7, 12));
    std::filesystem::create_directory(proc.path() + "/9"); // as a process is between its directory and its task
    EXPECT_EQ(roles(walk_at(proc)), "1/1:init 7/7:app ");
}

TEST(VerifyTree, WhatCannotBeReadIsKept) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1), a_thread(8, 8, 1)});
    std::filesystem::remove(proc.status_path(7, 7));
    std::filesystem::create_directory(proc.status_path(7, 7)); // EISDIR for root too, who may read everything else
    put(proc.status_path(8, 8), "");
    const Tree tree = walk_at(proc);
    EXPECT_EQ(roles(tree), "1/1:init 7/7:app 8/8:app ");
    EXPECT_NE(tree.threads[1].trouble, "");
    EXPECT_EQ(tree.threads[1].thread.facts, Facts{});
    EXPECT_NE(tree.threads[2].trouble, "");
    EXPECT_EQ(tree.threads[0].trouble, "");
}

TEST(VerifyTree, AStatusThatSpeaksOfAnotherThreadIsNotBelieved) {
    const FakeProc proc({a_thread(1, 1, 0), a_thread(7, 7, 1)});
    put(proc.status_path(7, 7), stepdown::testing::status_text(a_thread(8, 8, 1)));
    EXPECT_NE(walk_at(proc).threads.at(1).trouble, "");
}

TEST(VerifyTree, NamesThatAreNotNumbersAreNoProcesses) {
    const FakeProc proc({a_thread(1, 1, 0)});
    for (const char* const name : {"self", "0", "-1", "1x", "99999999999", "+7"}) {
        std::filesystem::create_directories(proc.path() + "/" + name + "/task/1");
    }
    EXPECT_EQ(roles(walk_at(proc)), "1/1:init ");
}

TEST(VerifyTree, NoProcIsSaid) {
    const Tree tree = walk(sys::real_kernel(), "/no/such/proc", 1);
    EXPECT_TRUE(tree.threads.empty());
    EXPECT_NE(tree.trouble.find("/no/such/proc"), std::string::npos);
}
