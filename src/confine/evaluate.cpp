#include "confine/evaluate.hpp"

#include <array>
#include <cstring>

namespace stepdown::confine {

namespace {

using Word = std::uint32_t;

std::optional<Word> load(const seccomp_data& data, Word offset) {
    if (offset % sizeof(Word) != 0 || offset > sizeof(data) - sizeof(Word)) {
        return std::nullopt;
    }
    Word word = 0;
    std::memcpy(&word, reinterpret_cast<const char*>(&data) + offset, sizeof(word));
    return word;
}

// Division by a zero in X returns 0 from the whole filter; the caller handles it. Shifts count modulo 32 as compiled
// code does.
std::optional<Word> arithmetic(unsigned operation, Word a, Word b) {
    switch (operation) {
    case BPF_ADD:
        return a + b;
    case BPF_SUB:
        return a - b;
    case BPF_MUL:
        return a * b;
    case BPF_DIV:
        return a / b;
    case BPF_AND:
        return a & b;
    case BPF_OR:
        return a | b;
    case BPF_XOR:
        return a ^ b;
    case BPF_LSH:
        return a << (b % 32);
    case BPF_RSH:
        return a >> (b % 32);
    case BPF_NEG:
        return 0 - a;
    default:
        return std::nullopt;
    }
}

std::optional<bool> holds(unsigned comparison, Word a, Word b) {
    switch (comparison) {
    case BPF_JEQ:
        return a == b;
    case BPF_JGT:
        return a > b;
    case BPF_JGE:
        return a >= b;
    case BPF_JSET:
        return (a & b) != 0;
    default:
        return std::nullopt;
    }
}

struct Machine {
    Word a = 0;
    Word x = 0;
    std::array<Word, BPF_MEMWORDS> memory = {};

    bool transfer(const sock_filter& instruction, const seccomp_data& data);
    bool calculate(const sock_filter& instruction);
};

// Loads, stores and moves between the registers.
bool Machine::transfer(const sock_filter& instruction, const seccomp_data& data) {
    const Word k = instruction.k;
    std::optional<Word> word;
    switch (instruction.code) {
    case BPF_LD | BPF_W | BPF_ABS:
        word = load(data, k);
        break;
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
        word = sizeof(data);
        break;
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
        word = k;
        break;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
        word = k < memory.size() ? std::optional(memory[k]) : std::nullopt;
        break;
    case BPF_ST:
    case BPF_STX:
        if (k < memory.size()) {
            memory[k] = instruction.code == BPF_ST ? a : x;
        }
        return k < memory.size();
    case BPF_MISC | BPF_TAX:
        x = a;
        return true;
    case BPF_MISC | BPF_TXA:
        a = x;
        return true;
    default:
        return false;
    }
    (BPF_CLASS(instruction.code) == BPF_LD ? a : x) = word.value_or(0);
    return word.has_value();
}

bool Machine::calculate(const sock_filter& instruction) {
    const unsigned operation = BPF_OP(instruction.code);
    if ((operation == BPF_LSH || operation == BPF_RSH) && BPF_SRC(instruction.code) == BPF_K && instruction.k >= 32) {
        return false;
    }
    const Word b = BPF_SRC(instruction.code) == BPF_X ? x : instruction.k;
    const std::optional<Word> result = arithmetic(operation, a, b);
    a = result.value_or(0);
    return result.has_value();
}

} // namespace

std::optional<Action> evaluate(std::span<const sock_filter> program, const seccomp_data& data) {
    Machine machine;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const sock_filter& instruction = program[at];
        const bool with_x = BPF_SRC(instruction.code) == BPF_X;
        switch (BPF_CLASS(instruction.code)) {
        case BPF_RET:
            if (BPF_RVAL(instruction.code) == BPF_A || BPF_RVAL(instruction.code) == BPF_K) {
                return BPF_RVAL(instruction.code) == BPF_A ? machine.a : instruction.k;
            }
            return std::nullopt;
        case BPF_JMP:
            if (BPF_OP(instruction.code) == BPF_JA) {
                at += instruction.k;
            } else if (const auto yes =
                           holds(BPF_OP(instruction.code), machine.a, with_x ? machine.x : instruction.k)) {
                at += *yes ? instruction.jt : instruction.jf;
            } else {
                return std::nullopt;
            }
            break;
        case BPF_ALU:
            if (BPF_OP(instruction.code) == BPF_DIV && (with_x ? machine.x : instruction.k) == 0) {
                return with_x ? std::optional<Action>(SECCOMP_RET_KILL_THREAD) : std::nullopt;
            }
            if (!machine.calculate(instruction)) {
                return std::nullopt;
            }
            break;
        default:
            if (!machine.transfer(instruction, data)) {
                return std::nullopt;
            }
        }
    }
    return std::nullopt;
}

} // namespace stepdown::confine
