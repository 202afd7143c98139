#include <cstddef>
#include <vector>

#include <gtest/gtest.h>
#include <linux/filter.h>

#include "unit/confine_support.hpp"

namespace stepdown::testing {
namespace {

constexpr seccomp_data kCall = {
    .nr = 42, .arch = 0xc000003e, .instruction_pointer = 0, .args = {7, 0x1'0000'0002, 3, 4, 5, 6}};

std::optional<Action> run(std::vector<sock_filter> program) { return evaluate(program, kCall); }

sock_filter statement(unsigned code, std::uint32_t k) { return BPF_STMT(static_cast<std::uint16_t>(code), k); }
sock_filter jump(unsigned code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) {
    return BPF_JUMP(static_cast<std::uint16_t>(code), k, yes, no);
}
const sock_filter kReturnA = statement(BPF_RET | BPF_A, 0);

TEST(ConfineEvaluate, LoadsWordsOfTheCall) {
    EXPECT_EQ(run({statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)), kReturnA}), 42U);
    EXPECT_EQ(run({statement(BPF_LD | BPF_W | BPF_ABS, 24), kReturnA}), 2U);
    EXPECT_EQ(run({statement(BPF_LD | BPF_W | BPF_ABS, 28), kReturnA}), 1U);
    EXPECT_EQ(run({statement(BPF_LD | BPF_W | BPF_LEN, 0), kReturnA}), sizeof(seccomp_data));
}

TEST(ConfineEvaluate, RefusesLoadsBesideTheCallsWords) {
    EXPECT_EQ(run({statement(BPF_LD | BPF_W | BPF_ABS, 2), kReturnA}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_LD | BPF_W | BPF_ABS, 64), kReturnA}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_LD | BPF_W | BPF_ABS, 0xfffffffc), kReturnA}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_LD | BPF_B | BPF_ABS, 0), kReturnA}), std::nullopt);
}

TEST(ConfineEvaluate, Calculates) {
    const auto both = [](unsigned operation, std::uint32_t a, std::uint32_t b) {
        const auto with_k = run({statement(BPF_LD | BPF_IMM, a), statement(BPF_ALU | operation | BPF_K, b), kReturnA});
        const auto with_x = run({statement(BPF_LDX | BPF_IMM, b), statement(BPF_LD | BPF_IMM, a),
                                 statement(BPF_ALU | operation | BPF_X, 0), kReturnA});
        EXPECT_EQ(with_k, with_x) << operation;
        return with_k;
    };
    EXPECT_EQ(both(BPF_ADD, 0xffffffff, 2), 1U);
    EXPECT_EQ(both(BPF_SUB, 1, 2), 0xffffffffU);
    EXPECT_EQ(both(BPF_MUL, 6, 7), 42U);
    EXPECT_EQ(both(BPF_DIV, 43, 2), 21U);
    EXPECT_EQ(both(BPF_AND, 12, 10), 8U);
    EXPECT_EQ(both(BPF_OR, 12, 10), 14U);
    EXPECT_EQ(both(BPF_XOR, 12, 10), 6U);
    EXPECT_EQ(both(BPF_LSH, 1, 31), 0x80000000U);
    EXPECT_EQ(both(BPF_RSH, 0x80000000, 31), 1U);
    EXPECT_EQ(run({statement(BPF_LD | BPF_IMM, 1), statement(BPF_ALU | BPF_NEG, 0), kReturnA}), 0xffffffffU);
}

TEST(ConfineEvaluate, DividesByZeroAsTheKernelDoes) {
    EXPECT_EQ(run({statement(BPF_ALU | BPF_DIV | BPF_K, 0), kReturnA}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_LD | BPF_IMM, 5), statement(BPF_ALU | BPF_DIV | BPF_X, 0), kReturnA}),
              SECCOMP_RET_KILL_THREAD);
}

TEST(ConfineEvaluate, RefusesConstantShiftsPastTheWord) {
    EXPECT_EQ(run({statement(BPF_ALU | BPF_LSH | BPF_K, 32), kReturnA}), std::nullopt);
}

TEST(ConfineEvaluate, Remembers) {
    EXPECT_EQ(run({statement(BPF_LD | BPF_IMM, 9), statement(BPF_ST, 15), statement(BPF_LDX | BPF_MEM, 15),
                   statement(BPF_LD | BPF_IMM, 0), statement(BPF_MISC | BPF_TXA, 0), kReturnA}),
              9U);
    EXPECT_EQ(run({statement(BPF_LD | BPF_IMM, 9), statement(BPF_MISC | BPF_TAX, 0), statement(BPF_STX, 0),
                   statement(BPF_LD | BPF_MEM, 0), kReturnA}),
              9U);
    EXPECT_EQ(run({statement(BPF_ST, 16), kReturnA}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_LD | BPF_MEM, 16), kReturnA}), std::nullopt);
}

TEST(ConfineEvaluate, Jumps) {
    const auto decides = [](unsigned comparison, std::uint32_t value) {
        return run({statement(BPF_LD | BPF_W | BPF_ABS, 0), jump(BPF_JMP | comparison | BPF_K, value, 0, 1),
                    statement(BPF_RET | BPF_K, 1), statement(BPF_RET | BPF_K, 0)});
    };
    EXPECT_EQ(decides(BPF_JEQ, 42), 1U);
    EXPECT_EQ(decides(BPF_JEQ, 43), 0U);
    EXPECT_EQ(decides(BPF_JGT, 41), 1U);
    EXPECT_EQ(decides(BPF_JGT, 42), 0U);
    EXPECT_EQ(decides(BPF_JGE, 42), 1U);
    EXPECT_EQ(decides(BPF_JGE, 43), 0U);
    EXPECT_EQ(decides(BPF_JSET, 2), 1U);
    EXPECT_EQ(decides(BPF_JSET, 1), 0U);
    EXPECT_EQ(run({statement(BPF_JMP | BPF_JA, 1), statement(BPF_RET | BPF_K, 1), statement(BPF_RET | BPF_K, 2)}), 2U);
}

TEST(ConfineEvaluate, RefusesToRunOffTheEnd) {
    EXPECT_EQ(run({}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_LD | BPF_IMM, 1)}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_JMP | BPF_JA, 0xffffffff), kReturnA}), std::nullopt);
    EXPECT_EQ(run({jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 255, 255), kReturnA}), std::nullopt);
}

TEST(ConfineEvaluate, RefusesWhatSeccompDoesNotKnow) {
    EXPECT_EQ(run({statement(BPF_LD | BPF_W | BPF_IND, 0), kReturnA}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_ALU | BPF_MOD | BPF_K, 3), kReturnA}), std::nullopt);
    EXPECT_EQ(run({statement(BPF_RET | BPF_X, 0)}), std::nullopt);
}

} // namespace
} // namespace stepdown::testing
