#include <gtest/gtest.h>

#include "confine/assembler.hpp"
#include "confine/evaluate.hpp"

namespace stepdown::testing {
namespace {

using namespace stepdown::confine;

constexpr Action kNear = 1;
constexpr Action kFar = 2;

constexpr seccomp_data call(int number) { return {.nr = number, .arch = 0, .instruction_pointer = 0, .args = {}}; }

// kFar, some instructions, kNear, some instructions, a branch to both: around the distance where a jump no longer
// reaches, what is put in for one target must not push the other out of reach.
void expect_reached(std::size_t between, std::size_t after, bool near_is_yes) {
    Assembler code;
    Action filler = 100;
    const auto fill = [&](std::size_t count) {
        for (; count > 0; --count) {
            code.answer(filler++);
        }
    };
    const Target far = code.answer(kFar);
    fill(between);
    const Target near = code.answer(kNear);
    fill(after);
    const Target yes = near_is_yes ? near : far;
    const Target no = near_is_yes ? far : near;
    const std::vector<sock_filter> program = code.program(code.branch(kNumber, kWholeWord, BPF_JEQ, 7, yes, no));
    EXPECT_EQ(evaluate(program, call(7)), near_is_yes ? kNear : kFar) << between << " " << after;
    EXPECT_EQ(evaluate(program, call(8)), near_is_yes ? kFar : kNear) << between << " " << after;
}

TEST(ConfineAssembler, ReachesBothTargetsAtEveryDistance) {
    for (std::size_t after = 250; after < 260; ++after) {
        for (const std::size_t between : {0U, 1U, 2U, 3U, 255U}) {
            expect_reached(between, after, true);
            expect_reached(between, after, false);
        }
    }
}

TEST(ConfineAssembler, LoadsAWordOnceForComparisonsInARow) {
    Assembler code;
    Target next = code.answer(kFar);
    for (std::uint32_t value = 0; value < 5; ++value) {
        next = code.branch(low_word(1), kWholeWord, BPF_JEQ, value, code.answer(kNear), next);
    }
    EXPECT_EQ(code.program(next).size(), 2U + 5U + 1U);
}

TEST(ConfineAssembler, LoadsAgainAfterAMask) {
    Assembler code;
    const Target second = code.branch(kNumber, kWholeWord, BPF_JEQ, 0x17, code.answer(kNear), code.answer(kFar));
    const Target first = code.branch(kNumber, 0xf, BPF_JEQ, 7, second, code.answer(kFar));
    const std::vector<sock_filter> program = code.program(first);
    EXPECT_EQ(evaluate(program, call(0x17)), kNear);
    EXPECT_EQ(evaluate(program, call(0x27)), kFar);
}

} // namespace
} // namespace stepdown::testing
