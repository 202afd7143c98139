#include <gmock/gmock.h>

#include "confine/compiled.hpp"
#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

using ::testing::HasSubstr;

Compiled some() {
    return {.native = Architecture::kX86_64,
            .flags = SECCOMP_FILTER_FLAG_LOG,
            .kernel_from = 4 << 16 | 8,
            .kernel_below = 7 << 16,
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
}

TEST(ConfineCompiled, RefusesAnotherForm) {
    std::string bytes = write_compiled(some());
    bytes.replace(0, std::string_view("stepdown-bpf 1").size(), "stepdown-bpf 2");
    EXPECT_TRUE(is_compiled(bytes));
    EXPECT_THAT(error_of(bytes), HasSubstr("another version"));
    EXPECT_FALSE(is_compiled("{}"));
}

TEST(ConfineCompiled, FitsItsMachineAndItsKernels) {
    EXPECT_TRUE(check_fit(some(), {Architecture::kX86_64, 6, 18}));
    EXPECT_TRUE(check_fit(some(), {Architecture::kX86_64, 4, 8}));
    EXPECT_THAT(check_fit(some(), {Architecture::kX86_64, 4, 7}).error().line, HasSubstr("from 4.8 and below 7.0"));
    EXPECT_FALSE(check_fit(some(), {Architecture::kX86_64, 7, 0}));
    EXPECT_THAT(check_fit(some(), {Architecture::kAarch64, 6, 18}).error().line, HasSubstr("SCMP_ARCH_AARCH64"));
}

} // namespace
} // namespace stepdown::testing
