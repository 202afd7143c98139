#include <cstdlib>
#include <ranges>

#include <gmock/gmock.h>
#include <seccomp.h>

#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

using ::testing::Contains;
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

// The table that was made of it when this was built, and those of our own beside it.
TEST(ConfineSyscalls, AgreesWithLibseccompAboutEveryCall) {
    int compared = 0;
    for (const ArchitectureFacts& facts : architectures()) {
        const std::uint32_t base = facts.architecture == Architecture::kX32 ? kX32Bit : 0;
        const std::uint32_t token = token_of(facts.architecture);
        const auto calls = calls_of(facts.architecture);
        for (std::uint32_t at : std::views::iota(0U, 600U)) {
            const std::uint32_t number = base + at;
            char* const name = seccomp_syscall_resolve_num_arch(token, static_cast<int>(number));
            if (name == nullptr) {
                continue;
            }
            EXPECT_THAT(entries_of(name, facts.architecture), Contains(Entry{number, {}})) << facts.oci_name << name;
            EXPECT_TRUE(calls.contains(number) && calls.at(number) == name) << facts.oci_name << name;
            std::free(name);
            ++compared;
        }
    }
    EXPECT_GT(compared, 6 * 280);
}

TEST(ConfineSyscalls, KnowsNamesOfOtherMachinesAndCallsOfArmsOwn) {
    EXPECT_TRUE(is_known("s390_pci_mmio_read") && is_known("swapcontext") && is_known("cacheflush"));
    EXPECT_FALSE(is_known("") || is_known("rea") || is_known("readx") || is_known(std::string_view("read\0", 5)));
    EXPECT_THAT(entries_of("s390_pci_mmio_read", Architecture::kX86_64), IsEmpty());
    EXPECT_THAT(entries_of("set_tls", Architecture::kArm), ElementsAre(Entry{0xf0005, {}}));
    EXPECT_THAT(entries_of("read", Architecture::kX32), ElementsAre(Entry{kX32Bit, {}}));
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
