#include <cerrno>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#include "emulate/credentials.hpp"

namespace stepdown::emulate {
namespace {

using ::testing::ElementsAre;

constexpr KernelLimits kLimits = {.capabilities = 0x1ffffffffff, .securebits = 0xfff};
constexpr std::uint64_t kAll = 0x1ffffffffff;

constexpr std::uint64_t bit(unsigned capability) { return std::uint64_t{1} << capability; }

Answer error(int number) { return std::unexpected(number); }

Credentials full_root() { return root(kAll); }

// An ordinary process with these user ids (group ids alike) and no capability.
Credentials plain(FourIds ids) {
    Credentials who = root(0);
    who.uid = who.gid = ids;
    who.capabilities.bounding = kAll;
    return who;
}

struct IdCase {
    const char* says; // the manual page's rule
    Credentials before;
    Answer (*call)(Credentials&);
    Answer answer;
    FourIds after;
};

class EmulateUserIds : public ::testing::TestWithParam<IdCase> {};

TEST_P(EmulateUserIds, AsTheManualPageSays) {
    const IdCase& rule = GetParam();
    Credentials who = rule.before;
    EXPECT_EQ(rule.call(who), rule.answer) << rule.says;
    EXPECT_EQ(who.uid, rule.after) << rule.says;
}

const Credentials kUser = plain({1000, 1001, 1002, 1001}); // all three differ

const IdCase kUserIds[] = {
    {"setuid(2): root sets real, effective and saved", full_root(), [](Credentials& c) { return set_uid(c, 33); }, 0,
     all_four(33)},
    {"setuid(2): EINVAL, not a valid id", full_root(), [](Credentials& c) { return set_uid(c, kNoId); }, error(EINVAL),
     all_four(0)},
    {"setuid(2): a user sets the effective id to the real",
     kUser,
     [](Credentials& c) { return set_uid(c, 1000); },
     0,
     {1000, 1000, 1002, 1000}},
    {"setuid(2): or to the saved", kUser, [](Credentials& c) { return set_uid(c, 1002); }, 0, {1000, 1002, 1002, 1002}},
    {"setuid(2): EPERM for any other, the effective id too", kUser, [](Credentials& c) { return set_uid(c, 1001); },
     error(EPERM), kUser.uid},
    {"setuid(2): no way back to root", plain(all_four(33)), [](Credentials& c) { return set_uid(c, 0); }, error(EPERM),
     all_four(33)},
    {"setreuid(2): -1 leaves an id alone", full_root(), [](Credentials& c) { return set_reuid(c, kNoId, kNoId); }, 0,
     all_four(0)},
    {"setreuid(2): the saved id follows when the real one is set",
     full_root(),
     [](Credentials& c) { return set_reuid(c, 1, 2); },
     0,
     {1, 2, 2, 2}},
    {"setreuid(2): or when the effective one is set to something not equal to the real",
     full_root(),
     [](Credentials& c) { return set_reuid(c, kNoId, 2); },
     0,
     {0, 2, 2, 2}},
    {"setreuid(2): and stays otherwise",
     kUser,
     [](Credentials& c) { return set_reuid(c, kNoId, 1000); },
     0,
     {1000, 1000, 1002, 1000}},
    {"setreuid(2): a user may swap",
     kUser,
     [](Credentials& c) { return set_reuid(c, 1001, 1000); },
     0,
     {1001, 1000, 1000, 1000}},
    {"setreuid(2): a user's real id cannot be the saved", kUser,
     [](Credentials& c) { return set_reuid(c, 1002, kNoId); }, error(EPERM), kUser.uid},
    {"setreuid(2): the effective can",
     kUser,
     [](Credentials& c) { return set_reuid(c, kNoId, 1002); },
     0,
     {1000, 1002, 1002, 1002}},
    {"setresuid(2): root sets each",
     full_root(),
     [](Credentials& c) { return set_resuid(c, 1, 2, 3); },
     0,
     {1, 2, 3, 2}},
    {"setresuid(2): -1 leaves an id alone",
     full_root(),
     [](Credentials& c) { return set_resuid(c, kNoId, 2, kNoId); },
     0,
     {0, 2, 0, 2}},
    {"setresuid(2): a user may permute the three",
     kUser,
     [](Credentials& c) { return set_resuid(c, 1002, 1000, 1001); },
     0,
     {1002, 1000, 1001, 1000}},
    {"setresuid(2): EPERM for a fourth", kUser, [](Credentials& c) { return set_resuid(c, kNoId, kNoId, 4); },
     error(EPERM), kUser.uid},
    {"setresuid(2): the file system id becomes the effective one",
     plain({1000, 1001, 1002, 1000}),
     [](Credentials& c) { return set_resuid(c, kNoId, 1001, kNoId); },
     0,
     {1000, 1001, 1002, 1001}},
    {"setfsuid(2): answers the id before",
     full_root(),
     [](Credentials& c) { return set_fsuid(c, 33); },
     0,
     {0, 0, 0, 33}},
    {"setfsuid(2): whether or not it was changed", kUser, [](Credentials& c) { return set_fsuid(c, 33); }, 1001,
     kUser.uid},
    {"setfsuid(2): a user may take any of the four",
     kUser,
     [](Credentials& c) { return set_fsuid(c, 1002); },
     1001,
     {1000, 1001, 1002, 1002}},
    {"setfsuid(2): -1 only asks", full_root(), [](Credentials& c) { return set_fsuid(c, kNoId); }, 0, all_four(0)},
    {"an id is unsigned", full_root(), [](Credentials& c) { return set_uid(c, 0xfffffffe); }, 0, all_four(0xfffffffe)},
};
INSTANTIATE_TEST_SUITE_P(Rules, EmulateUserIds, ::testing::ValuesIn(kUserIds));

TEST(EmulateGroupIds, FollowTheSameRulesAndMoveNoCapability) {
    Credentials who = full_root();
    EXPECT_EQ(set_resgid(who, 1, 2, 3), 0);
    EXPECT_EQ(who.gid, (FourIds{1, 2, 3, 2}));
    EXPECT_EQ(set_fsgid(who, 9), 2);
    EXPECT_EQ(set_regid(who, kNoId, 5), 0);
    EXPECT_EQ(who.gid, (FourIds{1, 5, 5, 5}));
    EXPECT_EQ(set_gid(who, 33), 0);
    EXPECT_EQ(who.gid, all_four(33));
    EXPECT_EQ(who.capabilities, full_root().capabilities);
    EXPECT_EQ(who.uid, all_four(0));
    Credentials user = plain({1000, 1001, 1002, 1001});
    EXPECT_EQ(set_gid(user, 1001), error(EPERM));
    EXPECT_EQ(set_regid(user, 1002, kNoId), error(EPERM));
    EXPECT_EQ(set_resgid(user, 4, kNoId, kNoId), error(EPERM));
    EXPECT_EQ(set_gid(user, kNoId), error(EINVAL));
    EXPECT_EQ(set_gid(user, 1002), 0);
}

TEST(EmulateGroupIds, NeedTheirOwnCapability) {
    Credentials who = root(bit(CAP_SETUID));
    EXPECT_EQ(set_gid(who, 33), error(EPERM));
    EXPECT_EQ(set_uid(who, 33), 0);
    Credentials other = root(bit(CAP_SETGID));
    EXPECT_EQ(set_gid(other, 33), 0);
    EXPECT_EQ(set_uid(other, 33), error(EPERM));
}

// ---- setgroups(2), getgroups(2)

TEST(EmulateGroups, AreKeptAscending) {
    Credentials who = full_root();
    EXPECT_EQ(set_groups(who, std::vector<std::uint32_t>{33, 4, 33, 0}), 0);
    EXPECT_THAT(std::vector(std::from_range, who.groups.ids()), ElementsAre(0, 4, 33, 33));
    EXPECT_EQ(set_groups(who, {}), 0);
    EXPECT_EQ(get_groups(who, 0), 0);
}

TEST(EmulateGroups, ListMustHaveRoom) {
    Credentials who = full_root();
    ASSERT_EQ(set_groups(who, std::vector<std::uint32_t>{1, 2, 3}), 0);
    EXPECT_EQ(get_groups(who, 0), 3);
    EXPECT_EQ(get_groups(who, 3), 3);
    EXPECT_EQ(get_groups(who, 2), error(EINVAL));
    EXPECT_EQ(get_groups(who, -1), error(EINVAL));
}

TEST(EmulateGroups, AreLimited) {
    Credentials who = full_root();
    EXPECT_EQ(set_groups(who, std::vector<std::uint32_t>(kMaxGroups, 7)), 0);
    EXPECT_EQ(who.groups.ids().size(), kMaxGroups);
    EXPECT_EQ(set_groups(who, std::vector<std::uint32_t>(kMaxGroups + 1, 7)), error(ENOMEM));
    EXPECT_EQ(set_groups(who, std::vector<std::uint32_t>(kKernelGroups + 1, 7)), error(EINVAL));
    EXPECT_EQ(set_groups(who, std::vector<std::uint32_t>{kNoId}), error(EINVAL));
    EXPECT_EQ(may_set_groups(who, 0xffffffff), error(EINVAL));
    Credentials user = plain(all_four(33));
    EXPECT_EQ(set_groups(user, std::vector<std::uint32_t>(kKernelGroups + 1, 7)), error(EPERM));
}

// ---- capabilities(7), "Effect of user ID changes on capabilities"

TEST(EmulateCapabilities, AreLostWithTheLastIdOfRoot) {
    Credentials who = full_root();
    who.capabilities.inheritable = who.capabilities.ambient = bit(CAP_CHOWN);
    ASSERT_EQ(set_resuid(who, 33, 33, 0), 0);
    EXPECT_EQ(who.capabilities.permitted, kAll) << "the saved id is still root's";
    EXPECT_EQ(who.capabilities.effective, 0U) << "the effective one is not";
    EXPECT_EQ(who.capabilities.ambient, bit(CAP_CHOWN));
    ASSERT_EQ(set_resuid(who, kNoId, 0, kNoId), 0);
    EXPECT_EQ(who.capabilities.effective, kAll) << "back to root: permitted becomes effective";
    ASSERT_EQ(set_uid(who, 33), 0);
    EXPECT_EQ(who.capabilities.permitted, 0U);
    EXPECT_EQ(who.capabilities.ambient, 0U);
    EXPECT_EQ(who.capabilities.inheritable, bit(CAP_CHOWN));
    EXPECT_EQ(who.capabilities.bounding, kAll);
}

TEST(EmulateCapabilities, KeepCapsKeepsPermittedAlone) {
    Credentials who = full_root();
    who.capabilities.inheritable = who.capabilities.ambient = bit(CAP_CHOWN);
    ASSERT_EQ(set_keep_capabilities(who, 1), 0);
    EXPECT_EQ(get_keep_capabilities(who), 1);
    ASSERT_EQ(set_uid(who, 33), 0);
    EXPECT_EQ(who.capabilities.permitted, kAll);
    EXPECT_EQ(who.capabilities.effective, 0U);
    EXPECT_EQ(who.capabilities.ambient, 0U);
}

TEST(EmulateCapabilities, NoSetuidFixupLeavesAllAlone) {
    Credentials who = full_root();
    ASSERT_EQ(set_securebits(who, kLimits, SECBIT_NO_SETUID_FIXUP), 0);
    ASSERT_EQ(set_fsuid(who, 33), 0);
    ASSERT_EQ(set_uid(who, 33), 0);
    EXPECT_EQ(who.capabilities, full_root().capabilities);
}

TEST(EmulateCapabilities, FileSystemIdMovesThoseOfFiles) {
    Credentials who = full_root();
    const std::uint64_t of_files = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) |
                                   bit(CAP_FSETID) | bit(CAP_LINUX_IMMUTABLE) | bit(CAP_MAC_OVERRIDE) | bit(CAP_MKNOD);
    ASSERT_EQ(set_fsuid(who, 33), 0);
    EXPECT_EQ(who.capabilities.effective, kAll & ~of_files);
    ASSERT_EQ(set_fsuid(who, 0), 33);
    EXPECT_EQ(who.capabilities.effective, kAll);
}

TEST(EmulateCapset, MayOnlyLowerPermitted) {
    Credentials who = full_root();
    const std::uint64_t two = bit(CAP_CHOWN) | bit(CAP_SETUID);
    EXPECT_EQ(set_capabilities(who, kLimits, {.permitted = two, .effective = kAll}), error(EPERM));
    EXPECT_EQ(set_capabilities(who, kLimits, {.permitted = two, .effective = bit(CAP_CHOWN)}), 0);
    EXPECT_EQ(set_uid(who, 33), error(EPERM)) << "CAP_SETUID is permitted, not effective";
    EXPECT_EQ(set_capabilities(who, kLimits, {.permitted = kAll}), error(EPERM));
    EXPECT_EQ(set_capabilities(who, kLimits, {.permitted = two, .effective = two}), 0);
}

TEST(EmulateCapset, InheritableIsBoundedByPermittedAndByTheBoundingSet) {
    Credentials who = full_root();
    const std::uint64_t chown = bit(CAP_CHOWN);
    ASSERT_EQ(drop_bounding(who, kLimits, CAP_KILL), 0);
    EXPECT_EQ(set_capabilities(who, kLimits, {.inheritable = bit(CAP_KILL), .permitted = kAll, .effective = kAll}),
              error(EPERM))
        << "no new capability from outside the bounding set";
    ASSERT_EQ(
        set_capabilities(who, kLimits,
                         {.inheritable = chown, .permitted = chown | bit(CAP_SETPCAP), .effective = bit(CAP_SETPCAP)}),
        0);
    EXPECT_EQ(set_capabilities(who, kLimits, {.inheritable = chown | bit(CAP_FOWNER), .permitted = bit(CAP_SETPCAP)}),
              0)
        << "CAP_SETPCAP: anything from the bounding set";
    EXPECT_EQ(set_capabilities(who, kLimits, {.inheritable = bit(CAP_SYS_CHROOT)}), error(EPERM))
        << "without it, only permitted";
}

TEST(EmulateCapset, UnknownCapabilitiesAreIgnored) {
    Credentials who = full_root();
    EXPECT_EQ(
        set_capabilities(who, kLimits, {.inheritable = ~kAll, .permitted = ~std::uint64_t{0}, .effective = ~kAll}), 0);
    EXPECT_EQ(who.capabilities, (CapabilitySets{.permitted = kAll, .bounding = kAll}));
}

// ---- prctl(2)

TEST(EmulateBounding, DropNeedsSetpcap) {
    Credentials who = full_root();
    EXPECT_EQ(read_bounding(who, kLimits, CAP_CHOWN), 1);
    EXPECT_EQ(drop_bounding(who, kLimits, CAP_CHOWN), 0);
    EXPECT_EQ(read_bounding(who, kLimits, CAP_CHOWN), 0);
    EXPECT_EQ(who.capabilities.permitted, kAll) << "permitted is not touched";
    EXPECT_EQ(read_bounding(who, kLimits, 41), error(EINVAL));
    EXPECT_EQ(read_bounding(who, kLimits, std::uint64_t{1} << 32), error(EINVAL)) << "an unsigned long, not an int";
    EXPECT_EQ(drop_bounding(who, kLimits, 41), error(EINVAL));
    Credentials user = plain(all_four(33));
    EXPECT_EQ(drop_bounding(user, kLimits, 41), error(EPERM));
}

TEST(EmulateSecurebits, LocksHoldForGood) {
    Credentials who = full_root();
    EXPECT_EQ(set_securebits(who, kLimits, SECBIT_KEEP_CAPS_LOCKED), 0);
    EXPECT_EQ(set_keep_capabilities(who, 1), error(EPERM));
    EXPECT_EQ(set_keep_capabilities(who, 2), error(EINVAL));
    EXPECT_EQ(set_securebits(who, kLimits, 0), error(EPERM)) << "a lock cannot be opened";
    EXPECT_EQ(set_securebits(who, kLimits, SECBIT_KEEP_CAPS_LOCKED | SECBIT_KEEP_CAPS), error(EPERM));
    EXPECT_EQ(set_securebits(who, kLimits, SECBIT_KEEP_CAPS_LOCKED | 0x1000), error(EPERM)) << "no such bit";
    EXPECT_EQ(set_securebits(who, kLimits, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT), 0);
}

TEST(EmulateSecurebits, NeedSetpcapButForThoseOfLinux614) {
    Credentials user = plain(all_four(33));
    EXPECT_EQ(set_securebits(user, kLimits, SECBIT_NOROOT), error(EPERM));
    EXPECT_EQ(set_securebits(user, kLimits, 0), error(EPERM)) << "no change is refused as well";
    EXPECT_EQ(set_securebits(user, {.capabilities = kAll, .securebits = 0xff}, 0x100), error(EPERM));
    EXPECT_EQ(set_securebits(user, kLimits, 0x300), 0);
    EXPECT_EQ(set_keep_capabilities(user, 1), 0) << "PR_SET_KEEPCAPS needs nothing";
}

TEST(EmulateAmbient, NeedsPermittedAndInheritable) {
    Credentials who = full_root();
    const auto ambient = [&who](std::uint64_t what, std::uint64_t capability, std::uint64_t third = 0) {
        return change_ambient(who, kLimits, {what, capability, third, 0});
    };
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_CHOWN), error(EPERM)) << "not inheritable";
    who.capabilities.inheritable = bit(CAP_CHOWN);
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_CHOWN), 0);
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_IS_SET, CAP_CHOWN), 1);
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_LOWER, CAP_CHOWN), 0);
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_IS_SET, CAP_CHOWN), 0);
    ASSERT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_CHOWN), 0);
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_CLEAR_ALL, 1), error(EINVAL));
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_CLEAR_ALL, 0), 0);
    EXPECT_EQ(who.capabilities.ambient, 0U);
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_RAISE, 41), error(EINVAL));
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 1), error(EINVAL));
    EXPECT_EQ(ambient(0, CAP_CHOWN), error(EINVAL));
    ASSERT_EQ(set_securebits(who, kLimits, SECBIT_NO_CAP_AMBIENT_RAISE), 0);
    EXPECT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_CHOWN), error(EPERM));
}

TEST(EmulateAmbient, IsLoweredWithEitherOfTheOthers) {
    Credentials who = full_root();
    who.capabilities.inheritable = who.capabilities.ambient = bit(CAP_CHOWN) | bit(CAP_KILL);
    ASSERT_EQ(set_capabilities(who, kLimits, {.inheritable = bit(CAP_CHOWN), .permitted = kAll, .effective = kAll}), 0);
    EXPECT_EQ(who.capabilities.ambient, bit(CAP_CHOWN));
}

TEST(EmulatePrctl, OnlyItsOwnOptions) {
    Credentials who = full_root();
    EXPECT_EQ(change_by_prctl(who, kLimits, {PR_SET_NAME, 0, 0, 0, 0}), std::nullopt);
    EXPECT_EQ(change_by_prctl(who, kLimits, {std::uint64_t{1} << 32 | PR_SET_KEEPCAPS, 1, 0, 0, 0}), Answer(0))
        << "an int";
    EXPECT_EQ(change_by_prctl(who, kLimits, {PR_GET_SECUREBITS, 0, 0, 0, 0}), Answer(SECBIT_KEEP_CAPS));
    EXPECT_EQ(change_by_prctl(who, kLimits, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 1}), error(EINVAL));
}

// ---- execve(2): capabilities(7), "Transformation of capabilities during execve()"

TEST(EmulateExecve, RootGetsInheritableAndBounding) {
    Credentials who = full_root();
    who.capabilities = {.inheritable = bit(CAP_KILL), .bounding = bit(CAP_CHOWN)};
    execute(who);
    EXPECT_EQ(who.capabilities.permitted, bit(CAP_KILL) | bit(CAP_CHOWN));
    EXPECT_EQ(who.capabilities.effective, who.capabilities.permitted);
}

TEST(EmulateExecve, RealRootAloneIsPermittedNotEffective) {
    Credentials who = full_root();
    who.uid = {0, 33, 33, 33};
    execute(who);
    EXPECT_EQ(who.capabilities.permitted, kAll);
    EXPECT_EQ(who.capabilities.effective, 0U);
}

TEST(EmulateExecve, OtherUsersKeepAmbientAlone) {
    Credentials who = plain({33, 33, 0, 34});
    who.gid = {5, 6, 7, 6};
    who.capabilities = {.inheritable = bit(CAP_CHOWN),
                        .permitted = kAll,
                        .effective = kAll,
                        .bounding = kAll,
                        .ambient = bit(CAP_CHOWN)};
    who.securebits = SECBIT_KEEP_CAPS;
    execute(who);
    EXPECT_EQ(who.capabilities.permitted, bit(CAP_CHOWN));
    EXPECT_EQ(who.capabilities.effective, bit(CAP_CHOWN));
    EXPECT_EQ(who.uid, all_four(33)) << "the saved and file system ids become the effective one";
    EXPECT_EQ(who.gid, (FourIds{5, 6, 6, 6}));
    EXPECT_EQ(who.securebits, 0U) << "SECBIT_KEEP_CAPS is cleared";
}

TEST(EmulateExecve, NorootMakesRootAnOrdinaryUser) {
    Credentials who = full_root();
    who.securebits = SECBIT_NOROOT;
    execute(who);
    EXPECT_EQ(who.capabilities.permitted, 0U);
    EXPECT_EQ(who.capabilities.effective, 0U);
}

TEST(EmulateLimits, GoToTheLastCapabilityOfTheKernel) {
    EXPECT_EQ(limits_of(40).capabilities, kAll);
    EXPECT_EQ(limits_of(0).capabilities, 1U);
}

} // namespace
} // namespace stepdown::emulate
