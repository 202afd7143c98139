#include <cstring>
#include <utility>

#include <gmock/gmock.h>

#include "confine/compiled.hpp"
#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kHas = "net_admin sys_time";

Compiled some() {
    return {.native = Architecture::kX86_64,
            .flags = SECCOMP_FILTER_FLAG_LOG,
            .kernel_from = 4 << 16 | 8,
            .kernel_below = 7 << 16,
            .with_capabilities = {"net_admin", "sys_time"},
            .without_capabilities = {"sys_admin"},
            .source_sha256 = "aa",
            .program = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
}

std::string error_of(const std::string& bytes) {
    const Result<Compiled> read = read_compiled(bytes);
    EXPECT_FALSE(read);
    return read ? "" : read.error().line;
}

TEST(ConfineCompiled, ComesBackAsItWasWritten) {
    const std::string bytes = write_compiled(some());
    EXPECT_TRUE(is_compiled(bytes));
    const Result<Compiled> read = read_compiled(bytes);
    ASSERT_TRUE(read) << read.error().line;
    EXPECT_EQ(read->native, some().native);
    EXPECT_EQ(read->flags, some().flags);
    EXPECT_EQ(read->kernel_from, some().kernel_from);
    EXPECT_EQ(read->kernel_below, some().kernel_below);
    EXPECT_EQ(read->with_capabilities, some().with_capabilities);
    EXPECT_EQ(read->without_capabilities, some().without_capabilities);
    EXPECT_EQ(read->source_sha256, some().source_sha256);
    ASSERT_EQ(read->program.size(), 2U);
    EXPECT_EQ(read->program[1].k, SECCOMP_RET_ALLOW);
    EXPECT_EQ(write_compiled(*read), bytes);
}

TEST(ConfineCompiled, RefusesOneThatIsCutOffAnywhere) {
    const std::string bytes = write_compiled(some());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(read_compiled(bytes.substr(0, size))) << size;
    }
    EXPECT_THAT(error_of(bytes + "x"), HasSubstr("not a whole"));
}

TEST(ConfineCompiled, RefusesOneThatWasChanged) {
    std::string bytes = write_compiled(some());
    bytes.back() ^= 1;
    EXPECT_THAT(error_of(bytes), HasSubstr("changed since"));
    for (const auto& [from, to] : {std::pair("flags 2", "flags 0"), std::pair("kernel-below 4", "kernel-below 5"),
                                   std::pair("without-capabilities sys_admin", "without-capabilities sys_chroot"),
                                   std::pair("source-sha256 aa", "source-sha256 ab")}) {
        std::string changed = write_compiled(some());
        ASSERT_NE(changed.find(from), changed.npos) << from;
        changed.replace(changed.find(from), std::strlen(from), to);
        EXPECT_THAT(error_of(changed), HasSubstr("changed since")) << to;
    }
}

TEST(ConfineCompiled, RefusesFlagsThatNeedAListener) {
    Compiled filter = some();
    filter.flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    EXPECT_THAT(error_of(write_compiled(filter)), HasSubstr("flags 0x8"));
}

TEST(ConfineCompiled, RefusesAnotherForm) {
    std::string bytes = write_compiled(some());
    bytes.replace(0, std::string_view("stepdown-bpf 2").size(), "stepdown-bpf 1");
    EXPECT_TRUE(is_compiled(bytes));
    EXPECT_THAT(error_of(bytes), HasSubstr("another version"));
    EXPECT_FALSE(is_compiled("{}"));
}

TEST(ConfineCompiled, FitsItsMachineAndItsKernels) {
    const auto fits = [](Architecture native, unsigned major, unsigned minor) {
        return check_fit(some(),
                         {.native = native, .kernel_major = major, .kernel_minor = minor, .capabilities = kHas});
    };
    EXPECT_TRUE(fits(Architecture::kX86_64, 6, 18));
    EXPECT_TRUE(fits(Architecture::kX86_64, 4, 8));
    EXPECT_THAT(fits(Architecture::kX86_64, 4, 7).error().line, HasSubstr("from 4.8 and below 7.0"));
    EXPECT_FALSE(fits(Architecture::kX86_64, 7, 0));
    EXPECT_THAT(fits(Architecture::kAarch64, 6, 18).error().line, HasSubstr("SCMP_ARCH_AARCH64"));
}

TEST(ConfineCompiled, FitsTheCapabilitiesItWasCompiledFor) {
    Machine machine{.native = Architecture::kX86_64, .kernel_major = 6, .kernel_minor = 18, .capabilities = kHas};
    EXPECT_TRUE(check_fit(some(), machine));
    machine.capabilities = "net_admin sys_time kill";
    EXPECT_TRUE(check_fit(some(), machine)) << "no rule asks for it";
    for (const char* other : {"", "net_admin", "net_admin sys_time sys_admin"}) {
        machine.capabilities = other;
        ASSERT_FALSE(check_fit(some(), machine)) << other;
        EXPECT_THAT(check_fit(some(), machine).error().line, HasSubstr("net_admin sys_time and without sys_admin"));
    }
}

} // namespace
} // namespace stepdown::testing
