#include <gmock/gmock.h>
#include <seccomp.h>

#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ConfineSyscalls, KnowsNumbersThatLibseccompDoesNot) {
    EXPECT_THAT(entries_of("mseal", Architecture::kX86_64), ElementsAre(Entry{462, {}}));
    EXPECT_THAT(entries_of("mseal", Architecture::kAarch64), ElementsAre(Entry{462, {}}));
    EXPECT_THAT(entries_of("mseal", Architecture::kX32), ElementsAre(Entry{462 | kX32Bit, {}}));
    EXPECT_THAT(entries_of("riscv_hwprobe", Architecture::kX86_64), IsEmpty());
    EXPECT_TRUE(is_known("riscv_hwprobe"));
    EXPECT_FALSE(is_known("opne"));
}

// Where both know a number they must agree, or one of the two tables is wrong.
TEST(ConfineSyscalls, AgreesWithLibseccompWhereBothKnow) {
    for (const char* name :
         {"quotactl_fd", "landlock_create_ruleset", "memfd_secret", "futex_waitv", "cachestat", "fchmodat2",
          "map_shadow_stack", "futex_wake", "futex_wait", "futex_requeue", "statmount", "mseal", "setxattrat"}) {
        const int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);
        if (number != __NR_SCMP_ERROR) {
            EXPECT_THAT(entries_of(name, Architecture::kX86_64),
                        ElementsAre(Entry{static_cast<std::uint32_t>(number), {}}))
                << name;
        }
    }
    EXPECT_EQ(seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, "futex_waitv"), 449)
        << "the comparison above compared nothing";
}

TEST(ConfineSyscalls, KnowsBothWaysOfI386) {
    EXPECT_THAT(entries_of("socket", Architecture::kX86), ElementsAre(Entry{359, {}}, Entry{kI386Socketcall, 1}));
    EXPECT_THAT(entries_of("accept", Architecture::kX86), ElementsAre(Entry{kI386Socketcall, 5}));
    EXPECT_THAT(entries_of("shmget", Architecture::kX86), ElementsAre(Entry{395, {}}, Entry{kI386Ipc, 23}));
    EXPECT_THAT(entries_of("read", Architecture::kX86), ElementsAre(Entry{3, {}}));
}

TEST(ConfineSyscalls, KnowsTheWidthOfArguments) {
    EXPECT_EQ(argument_mask("socket", 0), 0xffffffff);
    EXPECT_EQ(argument_mask("socketpair", 2), 0xffffffff);
    EXPECT_EQ(argument_mask("socketpair", 3), ~std::uint64_t{0});
    EXPECT_EQ(argument_mask("ioctl", 1), 0xffffffff);
    EXPECT_EQ(argument_mask("ioctl", 2), ~std::uint64_t{0});
    EXPECT_EQ(argument_mask("fcntl", 1), 0xffffffff);
    EXPECT_EQ(argument_mask("prctl", 0), 0xffffffff);
    EXPECT_EQ(argument_mask("prctl", 1), ~std::uint64_t{0});
    EXPECT_EQ(argument_mask("clone", 0), 0xffffffff);
    EXPECT_EQ(argument_mask("unshare", 0), 0xffffffff);
    EXPECT_EQ(argument_mask("personality", 0), 0xffffffff);
    EXPECT_EQ(argument_mask("fchmodat2", 2), 0xffff);
    EXPECT_EQ(argument_mask("fchmodat2", 3), 0xffffffff);
    EXPECT_EQ(argument_mask("mmap", 2), ~std::uint64_t{0});
    EXPECT_EQ(argument_mask("lseek", 1), ~std::uint64_t{0});
    EXPECT_EQ(argument_mask("getpid", 0), ~std::uint64_t{0});
    EXPECT_EQ(argument_mask("socke", 0), ~std::uint64_t{0}) << "part of a name is not the name";
}

} // namespace
} // namespace stepdown::testing
