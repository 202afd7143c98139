#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/resource.h>

#include "emulate/session.hpp"
#include "unit/emulate_world.hpp"

namespace stepdown::emulate {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::World;

constexpr std::uint64_t kAll = 0x1ffffffffff;
constexpr KernelLimits kLimits = {.capabilities = kAll, .securebits = 0xfff};
constexpr pid_t kDaemon = World::kDaemon;
constexpr std::uint64_t kMemory = World::kMemory;
constexpr std::uint64_t kUnmapped = 0x10;

using Args = std::array<std::uint64_t, 6>;

class EmulateSession : public ::testing::Test {
  protected:
    Response ask(pid_t thread, Call call, const Args& args = {}) {
        return session_.answer({thread, call, args}, world_);
    }
    std::int64_t value(pid_t thread, Call call, const Args& args = {}) {
        const Response response = ask(thread, call, args);
        return response.error != 0 ? -response.error : response.value;
    }
    std::int64_t uid_of(pid_t thread) { return value(thread, Call::kGetUid); }

    World world_;
    Session session_{root(kAll), kLimits};
};

// ---- one process

TEST_F(EmulateSession, BeginsAsRoot) {
    for (const Call call : {Call::kGetUid, Call::kGetEuid, Call::kGetGid, Call::kGetEgid}) {
        EXPECT_EQ(value(kDaemon, call), 0);
    }
}

TEST_F(EmulateSession, SteppingDownIsRemembered) {
    EXPECT_EQ(value(kDaemon, Call::kSetGid, {33}), 0);
    EXPECT_EQ(value(kDaemon, Call::kSetUid, {33}), 0);
    EXPECT_EQ(uid_of(kDaemon), 33);
    EXPECT_EQ(value(kDaemon, Call::kGetEgid), 33);
    EXPECT_EQ(value(kDaemon, Call::kSetUid, {0}), -EPERM);
    EXPECT_EQ(value(kDaemon, Call::kSetResuid, {0, 0, 0}), -EPERM);
    EXPECT_EQ(uid_of(kDaemon), 33);
}

TEST_F(EmulateSession, EverySetCallReachesItsRule) {
    EXPECT_EQ(value(kDaemon, Call::kSetResgid, {1, 2, 3}), 0);
    EXPECT_EQ(value(kDaemon, Call::kSetFsgid, {4}), 2);
    EXPECT_EQ(value(kDaemon, Call::kSetRegid, {kNoId, 5}), 0);
    EXPECT_EQ(value(kDaemon, Call::kGetGid), 1);
    EXPECT_EQ(value(kDaemon, Call::kGetEgid), 5);
    EXPECT_EQ(value(kDaemon, Call::kSetResuid, {6, 0, 0}), 0);
    EXPECT_EQ(value(kDaemon, Call::kSetFsuid, {7}), 0);
    EXPECT_EQ(value(kDaemon, Call::kSetReuid, {kNoId, 8}), 0);
    EXPECT_EQ(value(kDaemon, Call::kGetUid), 6);
    EXPECT_EQ(value(kDaemon, Call::kGetEuid), 8);
}

TEST_F(EmulateSession, IdsAreTheLowHalfOfTheRegister) {
    EXPECT_EQ(value(kDaemon, Call::kSetUid, {0xdead00000021}), 0);
    EXPECT_EQ(uid_of(kDaemon), 33);
}

TEST_F(EmulateSession, ThreeIdsGoToTheirThreeAddresses) {
    ASSERT_EQ(value(kDaemon, Call::kSetResuid, {1, 2, 3}), 0);
    EXPECT_EQ(value(kDaemon, Call::kGetResuid, {kMemory, kMemory + 8, kMemory + 16}), 0);
    EXPECT_EQ(world_.get<std::uint32_t>(kMemory), 1U);
    EXPECT_EQ(world_.get<std::uint32_t>(kMemory + 8), 2U);
    EXPECT_EQ(world_.get<std::uint32_t>(kMemory + 16), 3U);
    EXPECT_EQ(value(kDaemon, Call::kGetResgid, {kMemory, kUnmapped, kMemory}), -EFAULT);
}

TEST_F(EmulateSession, GroupsGoInAndOut) {
    world_.put(kMemory, std::array<std::uint32_t, 3>{33, 4, 20});
    EXPECT_EQ(value(kDaemon, Call::kSetGroups, {3, kMemory}), 0);
    EXPECT_EQ(value(kDaemon, Call::kGetGroups, {0, kUnmapped}), 3);
    EXPECT_EQ(value(kDaemon, Call::kGetGroups, {2, kMemory}), -EINVAL);
    EXPECT_EQ(value(kDaemon, Call::kGetGroups, {3, kUnmapped}), -EFAULT);
    EXPECT_EQ(value(kDaemon, Call::kGetGroups, {99, kMemory + 64}), 3);
    EXPECT_THAT((world_.get<std::array<std::uint32_t, 3>>(kMemory + 64)), ElementsAre(4, 20, 33));
    EXPECT_EQ(value(kDaemon, Call::kSetGroups, {1, kUnmapped}), -EFAULT);
    world_.reads.clear();
    EXPECT_EQ(value(kDaemon, Call::kSetGroups, {kMaxGroups + 1, kMemory}), -ENOMEM);
    EXPECT_EQ(value(kDaemon, Call::kSetGroups, {0xffffffff, kMemory}), -EINVAL);
    EXPECT_THAT(world_.reads, IsEmpty()) << "what is refused is not read";
}

TEST_F(EmulateSession, ChrootIsFakedForWhoMayAndSaid) {
    EXPECT_EQ(ask(kDaemon, Call::kChroot, {kMemory}), (Response{.fakes_chroot = true}));
    ASSERT_EQ(value(kDaemon, Call::kSetUid, {33}), 0);
    EXPECT_EQ(ask(kDaemon, Call::kChroot, {kMemory}), (Response{.to_kernel = true}));
}

TEST_F(EmulateSession, WhoWorksInItsJailStaysThereAtItsTop) {
    const std::uint64_t top = kMemory + 8;
    world_.put(top, std::array{'/', '\0'});
    world_.put(kMemory, std::array{'/', 'x', '\0'});
    world_.directories = {{kMemory, {1, 7}}};
    world_.here = {1, 7};
    EXPECT_TRUE(ask(kDaemon, Call::kChdir, {top}).to_kernel) << "no chroot yet";
    ASSERT_TRUE(ask(kDaemon, Call::kChroot, {kMemory}).fakes_chroot);
    world_.fork(kDaemon, 20);
    ASSERT_EQ(value(kDaemon, Call::kSetUid, {33}), 0);
    world_.execute(kDaemon);
    for (const pid_t process : {kDaemon, 20}) {
        EXPECT_EQ(ask(process, Call::kChdir, {top}), Response{});
        EXPECT_TRUE(ask(process, Call::kChdir, {kMemory}).to_kernel) << "another path";
        EXPECT_TRUE(ask(process, Call::kChdir, {kUnmapped}).to_kernel);
    }
    world_.here = {1, 8};
    EXPECT_TRUE(ask(kDaemon, Call::kChdir, {top}).to_kernel) << "it works elsewhere";
    world_.directories.clear();
    world_.here = {};
    ASSERT_TRUE(ask(20, Call::kChroot, {kMemory}).fakes_chroot);
    EXPECT_TRUE(ask(20, Call::kChdir, {top}).to_kernel) << "nobody knows where";
}

TEST_F(EmulateSession, PrctlIsAnsweredForItsOptions) {
    EXPECT_EQ(value(kDaemon, Call::kPrctl, {PR_SET_KEEPCAPS, 1}), 0);
    EXPECT_EQ(value(kDaemon, Call::kPrctl, {PR_GET_KEEPCAPS}), 1);
    EXPECT_EQ(value(kDaemon, Call::kPrctl, {PR_CAPBSET_READ, 64}), -EINVAL);
    EXPECT_TRUE(ask(kDaemon, Call::kPrctl, {PR_SET_NAME}).to_kernel);
}

// ---- capget(2), capset(2)

struct Header {
    std::uint32_t version;
    std::int32_t pid;
};

TEST_F(EmulateSession, CapgetTellsInEachVersion) {
    world_.put(kMemory, Header{_LINUX_CAPABILITY_VERSION_3, 0});
    EXPECT_EQ(value(kDaemon, Call::kCapget, {kMemory, kMemory + 16}), 0);
    EXPECT_THAT((world_.get<std::array<std::uint32_t, 6>>(kMemory + 16)),
                ElementsAre(~0U, ~0U, 0U, 0x1ffU, 0x1ffU, 0U));
    world_.put(kMemory, Header{_LINUX_CAPABILITY_VERSION_1, kDaemon});
    world_.put(kMemory + 16, std::array<std::uint32_t, 6>{7, 7, 7, 7, 7, 7});
    EXPECT_EQ(value(kDaemon, Call::kCapget, {kMemory, kMemory + 16}), 0);
    EXPECT_THAT((world_.get<std::array<std::uint32_t, 6>>(kMemory + 16)), ElementsAre(~0U, ~0U, 0U, 7U, 7U, 7U));
}

TEST_F(EmulateSession, CapgetTellsTheRightVersion) {
    world_.put(kMemory, Header{1, 0});
    EXPECT_EQ(value(kDaemon, Call::kCapget, {kMemory, kMemory + 16}), -EINVAL);
    EXPECT_EQ(world_.get<std::uint32_t>(kMemory), static_cast<std::uint32_t>(_LINUX_CAPABILITY_VERSION_3));
    world_.put(kMemory, Header{1, 0});
    EXPECT_EQ(value(kDaemon, Call::kCapget, {kMemory, 0}), 0);
    EXPECT_EQ(value(kDaemon, Call::kCapget, {kUnmapped, kMemory}), -EFAULT);
    EXPECT_EQ(value(kDaemon, Call::kCapset, {kUnmapped, kMemory}), -EFAULT);
}

TEST_F(EmulateSession, CapgetTellsOfOtherProcesses) {
    world_.fork(kDaemon, 11);
    ASSERT_EQ(value(11, Call::kSetUid, {33}), 0);
    world_.put(kMemory, Header{_LINUX_CAPABILITY_VERSION_3, 11});
    EXPECT_EQ(value(kDaemon, Call::kCapget, {kMemory, kMemory + 16}), 0);
    EXPECT_THAT((world_.get<std::array<std::uint32_t, 6>>(kMemory + 16)), Each(0U));
    world_.put(kMemory, Header{_LINUX_CAPABILITY_VERSION_3, 99});
    EXPECT_EQ(value(kDaemon, Call::kCapget, {kMemory, kMemory + 16}), -ESRCH);
    world_.put(kMemory, Header{_LINUX_CAPABILITY_VERSION_3, -1});
    EXPECT_EQ(value(kDaemon, Call::kCapget, {kMemory, kMemory + 16}), -EINVAL);
}

TEST_F(EmulateSession, CapsetIsForTheCallerAlone) {
    world_.fork(kDaemon, 11);
    world_.put(kMemory, Header{_LINUX_CAPABILITY_VERSION_3, 11});
    world_.put(kMemory + 16, std::array<std::uint32_t, 6>{1, 3, 0, 0, 0, 0});
    EXPECT_EQ(value(kDaemon, Call::kCapset, {kMemory, kMemory + 16}), -EPERM);
    EXPECT_EQ(value(11, Call::kCapset, {kMemory, kUnmapped}), -EFAULT);
    EXPECT_EQ(value(11, Call::kCapset, {kMemory, kMemory + 16}), 0);
    EXPECT_EQ(value(11, Call::kCapget, {kMemory, kMemory + 64}), 0);
    EXPECT_THAT((world_.get<std::array<std::uint32_t, 6>>(kMemory + 64)), ElementsAre(1U, 3U, 0U, 0U, 0U, 0U));
    EXPECT_EQ(value(11, Call::kSetUid, {33}), -EPERM) << "CAP_SETUID was given up";
}

// ---- limits

TEST_F(EmulateSession, OnlyARaisedHardLimitIsFaked) {
    world_.limits[RLIMIT_NOFILE] = {.soft = 100, .hard = 1000};
    world_.put(kMemory, ResourceLimit{.soft = 5000, .hard = 5000});
    EXPECT_EQ(ask(kDaemon, Call::kSetRlimit, {RLIMIT_NOFILE, kMemory}), Response{});
    EXPECT_EQ(ask(kDaemon, Call::kPrlimit, {0, RLIMIT_NOFILE, kMemory, kMemory + 32}), Response{});
    EXPECT_EQ(world_.get<ResourceLimit>(kMemory + 32), (ResourceLimit{100, 1000}));
    EXPECT_EQ(value(kDaemon, Call::kPrlimit, {0, RLIMIT_NOFILE, kMemory, kUnmapped}), -EFAULT);
    world_.put(kMemory, ResourceLimit{.soft = 1000, .hard = 1000});
    EXPECT_TRUE(ask(kDaemon, Call::kSetRlimit, {RLIMIT_NOFILE, kMemory}).to_kernel);
    world_.put(kMemory, ResourceLimit{.soft = 6000, .hard = 5000});
    EXPECT_TRUE(ask(kDaemon, Call::kSetRlimit, {RLIMIT_NOFILE, kMemory}).to_kernel) << "EINVAL is the kernel's";
    EXPECT_TRUE(ask(kDaemon, Call::kPrlimit, {99, RLIMIT_NOFILE, kMemory, 0}).to_kernel);
    EXPECT_TRUE(ask(kDaemon, Call::kSetRlimit, {99, kMemory}).to_kernel);
    EXPECT_TRUE(ask(kDaemon, Call::kSetRlimit, {RLIMIT_NOFILE, kUnmapped}).to_kernel);
    ASSERT_EQ(value(kDaemon, Call::kSetUid, {33}), 0);
    world_.put(kMemory, ResourceLimit{.soft = 5000, .hard = 5000});
    EXPECT_TRUE(ask(kDaemon, Call::kSetRlimit, {RLIMIT_NOFILE, kMemory}).to_kernel);
}

// ---- threads, children, programs

TEST_F(EmulateSession, ThreadsShareTheirProcess) {
    world_.thread(kDaemon, 12);
    ASSERT_EQ(value(12, Call::kSetUid, {33}), 0);
    EXPECT_EQ(uid_of(kDaemon), 33);
    EXPECT_EQ(value(kDaemon, Call::kSetUid, {33}), 0) << "a C library asks once for every thread";
    EXPECT_EQ(session_.processes(), 1U);
}

TEST_F(EmulateSession, ChildInheritsAndGoesItsOwnWay) {
    ASSERT_EQ(value(kDaemon, Call::kSetGid, {5}), 0);
    world_.fork(kDaemon, 11);
    EXPECT_EQ(value(11, Call::kGetGid), 5);
    EXPECT_EQ(value(11, Call::kSetUid, {33}), 0);
    EXPECT_EQ(uid_of(kDaemon), 0);
    EXPECT_EQ(uid_of(11), 33);
}

TEST_F(EmulateSession, ChildKeepsWhatItsParentHadAtTheFork) {
    world_.fork(kDaemon, 11); // has not asked anything yet
    world_.fork(11, 12);
    ASSERT_EQ(value(kDaemon, Call::kSetUid, {33}), 0);
    EXPECT_EQ(uid_of(11), 0);
    EXPECT_EQ(uid_of(12), 0);
    world_.fork(kDaemon, 13);
    EXPECT_EQ(uid_of(13), 33);
}

TEST_F(EmulateSession, GrandchildOfASilentChildInherits) {
    ASSERT_EQ(value(kDaemon, Call::kSetUid, {33}), 0);
    world_.fork(kDaemon, 11);
    world_.fork(11, 12);
    EXPECT_EQ(uid_of(12), 33);
}

TEST_F(EmulateSession, DaemonOutlivesItsParent) {
    ASSERT_EQ(value(kDaemon, Call::kSetUid, {33}), 0);
    world_.fork(kDaemon, 11);
    EXPECT_TRUE(ask(kDaemon, Call::kExitGroup).to_kernel);
    world_.end(kDaemon);
    EXPECT_EQ(uid_of(11), 33);
}

TEST_F(EmulateSession, PidUsedAgainIsAnotherProcess) {
    world_.fork(kDaemon, 11);
    ASSERT_EQ(value(11, Call::kSetUid, {33}), 0);
    world_.end(11);
    world_.fork(kDaemon, 11);
    EXPECT_EQ(uid_of(11), 0);
}

TEST_F(EmulateSession, ExecveIsSeenByTheNextCall) {
    ASSERT_EQ(value(kDaemon, Call::kPrctl, {PR_SET_KEEPCAPS, 1}), 0);
    ASSERT_EQ(value(kDaemon, Call::kSetResuid, {33, 33, 33}), 0);
    world_.put(kMemory, Header{_LINUX_CAPABILITY_VERSION_3, 0});
    ASSERT_EQ(value(kDaemon, Call::kCapget, {kMemory, kMemory + 16}), 0);
    EXPECT_EQ(world_.get<std::uint32_t>(kMemory + 20), ~0U) << "permitted was kept";
    world_.fork(kDaemon, 11);
    world_.execute(kDaemon);
    EXPECT_EQ(value(kDaemon, Call::kPrctl, {PR_GET_KEEPCAPS}), 0);
    ASSERT_EQ(value(kDaemon, Call::kCapget, {kMemory, kMemory + 16}), 0);
    EXPECT_EQ(world_.get<std::uint32_t>(kMemory + 20), 0U);
    EXPECT_EQ(value(11, Call::kPrctl, {PR_GET_KEEPCAPS}), 1) << "the child was forked before";
}

TEST_F(EmulateSession, ExecveOfAChildIsSeenThroughItsParent) {
    ASSERT_EQ(value(kDaemon, Call::kSetResuid, {0, 33, 33}), 0);
    world_.fork(kDaemon, 11);
    world_.execute(11);
    ASSERT_EQ(value(11, Call::kGetResuid, {kMemory, kMemory + 4, kMemory + 8}), 0);
    world_.put(kMemory, Header{_LINUX_CAPABILITY_VERSION_3, 0});
    ASSERT_EQ(value(11, Call::kCapget, {kMemory, kMemory + 16}), 0);
    EXPECT_EQ(world_.get<std::uint32_t>(kMemory + 16), 0U) << "real root alone: permitted, not effective";
    EXPECT_EQ(world_.get<std::uint32_t>(kMemory + 20), ~0U);
}

TEST_F(EmulateSession, UnknownImageIsNoExecve) {
    ASSERT_EQ(value(kDaemon, Call::kPrctl, {PR_SET_KEEPCAPS, 1}), 0);
    world_.processes[kDaemon].image = 0;
    EXPECT_EQ(value(kDaemon, Call::kPrctl, {PR_GET_KEEPCAPS}), 1);
    world_.processes[kDaemon].image = 100;
    EXPECT_EQ(value(kDaemon, Call::kPrctl, {PR_GET_KEEPCAPS}), 1);
}

// ---- bounds

TEST_F(EmulateSession, EndedProcessesAreForgotten) {
    for (int i = 0; i < 5000; ++i) {
        const pid_t child = 1000 + i;
        world_.fork(kDaemon, child);
        ASSERT_EQ(value(child, Call::kSetUid, {33}), 0);
        world_.end(child);
    }
    EXPECT_LT(session_.processes(), 10U);
}

TEST(EmulateSessionBounds, FullTableAsksAndDoesNotChange) {
    World world;
    Session session(root(kAll), kLimits, 4);
    for (pid_t child = 100; child < 104; ++child) {
        world.fork(World::kDaemon, child);
        ASSERT_EQ(session.answer({child, Call::kSetUid, {33}}, world), Response{});
    }
    EXPECT_EQ(session.answer({World::kDaemon, Call::kGetUid, {}}, world), Response{});
    EXPECT_EQ(session.answer({World::kDaemon, Call::kSetUid, {33}}, world), (Response{.error = ENOMEM}));
    EXPECT_EQ(session.answer({World::kDaemon, Call::kGetUid, {}}, world), Response{});
    EXPECT_EQ(session.processes(), 4U);
    world.end(101);
    EXPECT_EQ(session.answer({World::kDaemon, Call::kSetUid, {33}}, world), Response{});
}

TEST_F(EmulateSession, WorkForOneCallIsBounded) {
    for (pid_t child = 1000; child < 3000; ++child) {
        world_.fork(kDaemon, child);
    }
    pid_t last = 1000;
    for (pid_t child = 3000; child < 3500; ++child) { // a chain
        world_.fork(last, child);
        last = child;
    }
    world_.looked_up = 0;
    ASSERT_EQ(value(kDaemon, Call::kSetUid, {33}), 0);
    EXPECT_LE(world_.looked_up, 1 + Session::kChildren * (1 + Session::kSweep) + Session::kSweep);
    world_.looked_up = 0;
    uid_of(last);
    EXPECT_LE(world_.looked_up, 1 + Session::kAncestors + Session::kSweep);
}

TEST_F(EmulateSession, ProcessThatCannotBeSeenIsAnsweredAsRoot) {
    EXPECT_EQ(uid_of(999), 0);
    EXPECT_EQ(value(999, Call::kSetUid, {33}), 0);
    EXPECT_EQ(uid_of(999), 0);
    EXPECT_EQ(session_.processes(), 0U);
}

// Every address that is touched is an argument that the table says is one.
TEST_F(EmulateSession, TouchesOnlyWhatTheTableNames) {
    constexpr std::uint64_t kStep = 0x100;
    Credentials jailed = root(kAll);
    jailed.jail = {1, 7};
    for (const Row& row : table()) {
        if (row.full != How::kNotify) {
            continue;
        }
        Args args{};
        for (std::size_t i = 0; i < args.size(); ++i) {
            const bool address = ((row.reads | row.writes) >> i & 1) != 0;
            args[i] = address ? kMemory + i * kStep : 1;
            world_.put(kMemory + i * kStep, Header{_LINUX_CAPABILITY_VERSION_3, 0});
        }
        args[row.when.argument] = row.when.unequal || row.when.mask == 0 ? args[row.when.argument] : row.when.value;
        if (row.call == Call::kPrlimit) {
            args[0] = 0;
            world_.put(args[2], ResourceLimit{.soft = 9, .hard = 9});
        }
        world_.limits[1] = {.soft = 1, .hard = 1};
        world_.reads.clear();
        world_.writes.clear();
        Session(jailed, kLimits).answer({kDaemon, row.call, args}, world_);
        const auto all_named = [&args](const std::vector<std::uint64_t>& touched, unsigned named) {
            return std::ranges::all_of(touched, [&](std::uint64_t address) {
                const std::uint64_t argument = (address - kMemory) / kStep;
                return address - args[argument] <= 4 && (named >> argument & 1) != 0;
            });
        };
        EXPECT_TRUE(all_named(world_.reads, row.reads)) << row.name;
        EXPECT_TRUE(all_named(world_.writes, row.writes)) << row.name;
        EXPECT_EQ(world_.reads.empty(), row.reads == 0) << row.name;
    }
}

} // namespace
} // namespace stepdown::emulate
