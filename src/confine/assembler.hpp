#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "confine/profile.hpp"

namespace stepdown::confine {

// Where the words of seccomp_data lie, seccomp(2). All machines with facts in syscalls.cpp are little-endian.
inline constexpr std::size_t kNumber = offsetof(seccomp_data, nr);
inline constexpr std::size_t kArchitecture = offsetof(seccomp_data, arch);
constexpr std::size_t low_word(unsigned index) { return offsetof(seccomp_data, args) + index * sizeof(std::uint64_t); }
constexpr std::size_t high_word(unsigned index) { return low_word(index) + sizeof(std::uint32_t); }

inline constexpr std::size_t kNothing = ~std::size_t{0};
inline constexpr std::uint32_t kWholeWord = 0xffffffff;

// A place to jump to, counted from the program's end, and the word of seccomp_data that the accumulator must hold
// there.
struct Target {
    std::size_t place = 0;
    std::size_t wants = kNothing;

    bool operator==(const Target&) const = default;
};

// Writes a program from its last instruction to its first. Classic BPF jumps forward only, so every target is known
// when the jump to it is written. A load is written only for a jump that comes from where another word, or none, was
// loaded.
class Assembler {
  public:
    // Returns the action to the kernel.
    Target answer(Action action);
    // Compares (the word at offset & mask) with value and goes to yes or no; jump is BPF_JEQ, BPF_JGT, BPF_JGE or
    // BPF_JSET.
    Target branch(std::size_t offset, std::uint32_t mask, unsigned jump, std::uint32_t value, Target yes, Target no);
    // The same place for jumps from anywhere: what it wants is loaded first.
    Target enter(Target target) { return settle(target, kNothing); }
    // The program that starts there.
    std::vector<sock_filter> program(Target start);

  private:
    Target emit(unsigned code, std::uint32_t value, std::size_t yes = 0, std::size_t no = 0);
    void jump_to(std::size_t place);
    Target settle(Target target, std::size_t loaded);
    std::size_t near(std::size_t place);

    std::vector<sock_filter> reversed_;
    std::map<Action, Target> answers_;
    std::map<std::size_t, Target> loads_;                // place → the load in front of it
    std::map<std::size_t, std::size_t> stepping_stones_; // place too far for a conditional jump → the last jump to it
};

} // namespace stepdown::confine
