#include "confine/answers.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <linux/seccomp.h>

#include "confine/assembler.hpp"
#include "confine/errno_names.hpp"
#include "confine/evaluate.hpp"

namespace stepdown::confine {

namespace {

using Word = std::uint32_t;

// What the accumulator holds: a known value, or a word of the arguments with some bits.
struct Held {
    std::optional<Word> value;
    std::size_t offset = kNothing;
    Word mask = kWholeWord;

    auto operator<=>(const Held&) const = default;
};

// Walks every way through a program that some arguments can take. Instructions that our compiler never writes are
// taken for "could be anything": both ways are walked.
class Walk {
  public:
    Walk(std::span<const sock_filter> program, Word audit, Word number, const Arguments& arguments = {})
        : program_(program), audit_(audit), number_(number), arguments_(arguments) {
        std::vector<State> todo = {{0, {}}};
        while (!todo.empty()) {
            const State state = todo.back();
            todo.pop_back();
            if (state.first >= program.size()) {
                broken_ = true;
            } else if (seen_.insert(state).second) {
                step(state, todo);
            }
        }
    }

    std::set<Action> answers() const { return broken_ ? std::set<Action>() : answers_; }
    const std::map<std::size_t, std::set<Word>>& compared() const { return compared_; }

  private:
    using State = std::pair<std::size_t, Held>;

    void step(const State& state, std::vector<State>& todo) {
        const auto& [at, held] = state;
        const sock_filter& code = program_[at];
        switch (BPF_CLASS(code.code)) {
        case BPF_RET:
            answers_.insert(code.code == (BPF_RET | BPF_K) ? code.k : held.value.value_or(SECCOMP_RET_KILL_THREAD));
            return;
        case BPF_JMP:
            jump(state, code, todo);
            return;
        case BPF_LD:
            todo.emplace_back(at + 1, code.code == (BPF_LD | BPF_W | BPF_ABS) ? loaded(code.k) : Held{});
            return;
        case BPF_ALU:
            todo.emplace_back(at + 1, code.code == (BPF_ALU | BPF_AND | BPF_K) ? masked(held, code.k) : Held{});
            return;
        default:
            todo.emplace_back(at + 1, BPF_CLASS(code.code) == BPF_MISC ? Held{} : held);
        }
    }

    Held loaded(Word offset) const {
        Held held{.value = {}, .offset = offset};
        if (offset == kNumber || offset == kArchitecture) {
            held.value = offset == kNumber ? number_ : audit_;
        }
        const std::size_t index = (offset - low_word(0)) / sizeof(std::uint64_t);
        if (offset >= low_word(0) && index < arguments_.size() && arguments_[index]) {
            held.value =
                static_cast<Word>(*arguments_[index] >> (offset == low_word(static_cast<unsigned>(index)) ? 0 : 32));
        }
        return held;
    }

    static Held masked(Held held, Word mask) {
        held.mask &= mask;
        if (held.value) {
            held.value = *held.value & mask;
        }
        return held;
    }

    void jump(const State& state, const sock_filter& code, std::vector<State>& todo) {
        const auto& [at, held] = state;
        const std::size_t next = at + 1;
        if (BPF_OP(code.code) == BPF_JA) {
            todo.emplace_back(next + code.k, held);
            return;
        }
        const bool with_k = BPF_SRC(code.code) == BPF_K;
        if (!held.value || !with_k) {
            note(held, code);
            todo.emplace_back(next + code.jt, held);
            todo.emplace_back(next + code.jf, held);
            return;
        }
        const Word a = *held.value;
        const bool yes = BPF_OP(code.code) == BPF_JEQ   ? a == code.k
                         : BPF_OP(code.code) == BPF_JGT ? a > code.k
                         : BPF_OP(code.code) == BPF_JGE ? a >= code.k
                                                        : (a & code.k) != 0;
        todo.emplace_back(next + (yes ? code.jt : code.jf), held);
    }

    // Values on both sides of the comparison, as few as will do: they are combined with those of all the others.
    void note(const Held& held, const sock_filter& code) {
        if (held.offset == kNothing || held.offset < low_word(0)) {
            return;
        }
        std::set<Word>& values = compared_[held.offset];
        values.insert({0, code.k, code.k | ~held.mask});
        switch (BPF_OP(code.code)) {
        case BPF_JEQ:
            values.insert(code.k ^ 0x5a5a5a5a);
            return;
        case BPF_JSET:
            values.insert({~code.k, code.k & (0 - code.k), held.mask & ~code.k});
            return;
        default:
            values.insert({code.k - 1, code.k + 1});
        }
    }

    std::span<const sock_filter> program_;
    Word audit_;
    Word number_;
    Arguments arguments_;
    std::set<State> seen_;
    std::set<Action> answers_;
    std::map<std::size_t, std::set<Word>> compared_;
    bool broken_ = false;
};

using Telling = std::map<unsigned, std::set<std::uint64_t>>;

void add(Telling& all, const Telling& more) {
    for (const auto& [index, values] : more) {
        all[index].insert(values.begin(), values.end());
    }
}

// The combinations of the values: all of them, or some of them taken by chance, the same ones every time.
class Combinations {
  public:
    explicit Combinations(const Telling& telling) {
        for (const auto& [index, values] : telling) {
            values_.emplace_back(index, std::vector(values.begin(), values.end()));
            total_ = total_ > kMost ? total_ : total_ * values.size();
        }
    }

    bool all() const { return total_ <= kMost; }
    std::size_t count() const { return std::min(total_, kMost); }

    std::array<std::uint64_t, 6> at(std::size_t which) {
        std::array<std::uint64_t, 6> arguments = {};
        for (const auto& [index, values] : values_) {
            arguments[index] = values[(all() ? which : random_()) % values.size()];
            which /= values.size();
        }
        return arguments;
    }

  private:
    static constexpr std::size_t kMost = 200'000;

    std::vector<std::pair<unsigned, std::vector<std::uint64_t>>> values_;
    std::size_t total_ = 1;
    std::minstd_rand random_;
};

} // namespace

std::string action_text(Action action) {
    const unsigned data = action & SECCOMP_RET_DATA;
    switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
        return "allow";
    case SECCOMP_RET_ERRNO:
        return errno_name(data);
    case SECCOMP_RET_KILL_PROCESS:
        return "kill the process";
    case SECCOMP_RET_KILL_THREAD:
        return "kill the thread";
    case SECCOMP_RET_TRAP:
        return "SIGSYS";
    case SECCOMP_RET_LOG:
        return "allow and log";
    case SECCOMP_RET_TRACE:
        return "ask the tracer, ENOSYS without one";
    case SECCOMP_RET_USER_NOTIF:
        return "ask the listener, ENOSYS without one";
    default:
        return fmt::format("{:#x}", action);
    }
}

std::set<Action> answers_to(std::span<const sock_filter> program, std::uint32_t audit, std::uint32_t number,
                            const Arguments& arguments) {
    return Walk(program, audit, number, arguments).answers();
}

Telling telling_arguments(std::span<const sock_filter> program, std::uint32_t audit, std::uint32_t number) {
    Telling telling;
    const Walk walk(program, audit, number);
    for (const auto& [offset, words] : walk.compared()) {
        const auto index = static_cast<unsigned>((offset - low_word(0)) / sizeof(std::uint64_t));
        const bool high = offset == high_word(index);
        std::set<std::uint64_t>& values = telling[index];
        const std::set<std::uint64_t> others = std::exchange(values, {});
        for (const Word word : words) {
            const std::uint64_t value = high ? std::uint64_t{word} << 32 : word;
            values.insert(value);
            for (const std::uint64_t other : others) { // the other half of the same argument
                values.insert(other | value);
            }
        }
        values.insert(others.begin(), others.end());
    }
    return telling;
}

Differences differences(std::span<const sock_filter> first, std::span<const sock_filter> second, std::uint32_t audit,
                        std::uint32_t number) {
    Telling telling = telling_arguments(first, audit, number);
    add(telling, telling_arguments(second, audit, number));
    Combinations combinations(telling);
    Differences found{.shown = {}, .all_tried = combinations.all()};
    std::set<std::pair<Action, Action>> seen;
    for (std::size_t i = 0; i < combinations.count(); ++i) {
        const auto arguments = combinations.at(i);
        seccomp_data data = {};
        data.nr = static_cast<int>(number);
        data.arch = audit;
        std::ranges::copy(arguments, data.args);
        const Action one = evaluate(first, data).value_or(SECCOMP_RET_KILL_THREAD);
        const Action other = evaluate(second, data).value_or(SECCOMP_RET_KILL_THREAD);
        if (one == other || !seen.emplace(one, other).second) {
            continue;
        }
        const std::size_t shown = telling.empty() ? 0 : telling.rbegin()->first + 1;
        found.shown.push_back(
            {{arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(shown)}, one, other});
    }
    return found;
}

} // namespace stepdown::confine
