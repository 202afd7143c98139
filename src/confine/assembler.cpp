#include "confine/assembler.hpp"

namespace stepdown::confine {

namespace {

constexpr std::size_t kReach = 255; // a conditional jump's offset has 8 bits

} // namespace

Target Assembler::emit(unsigned code, std::uint32_t value, std::size_t yes, std::size_t no) {
    reversed_.push_back(
        {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), value});
    return {reversed_.size(), kNothing};
}

void Assembler::jump_to(std::size_t place) {
    const sock_filter& there = reversed_[place - 1];
    if (there.code == (BPF_RET | BPF_K)) {
        emit(there.code, there.k);
    } else {
        emit(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(reversed_.size() - place));
    }
}

Target Assembler::settle(Target target, std::size_t loaded) {
    if (target.wants == kNothing || target.wants == loaded) {
        return {target.place, kNothing};
    }
    const auto made = loads_.find(target.place);
    if (made != loads_.end()) {
        return made->second;
    }
    if (target.place != reversed_.size()) {
        jump_to(target.place);
    }
    const Target load = emit(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(target.wants));
    loads_.emplace(target.place, load);
    return load;
}

std::size_t Assembler::near(std::size_t place) {
    if (reversed_.size() - place <= kReach) {
        return place;
    }
    std::size_t& stone = stepping_stones_[place];
    if (stone == 0 || reversed_.size() - stone > kReach) {
        jump_to(place);
        stone = reversed_.size();
    }
    return stone;
}

Target Assembler::answer(Action action) {
    const auto made = answers_.find(action);
    return made != answers_.end() ? made->second
                                  : answers_.emplace(action, emit(BPF_RET | BPF_K, action)).first->second;
}

Target Assembler::branch(std::size_t offset, std::uint32_t mask, unsigned jump, std::uint32_t value, Target yes,
                         Target no) {
    if (yes == no) {
        return yes;
    }
    const std::size_t loaded = mask == kWholeWord ? offset : kNothing;
    const std::size_t yes_place = settle(yes, loaded).place;
    const std::size_t no_place = settle(no, loaded).place;
    near(yes_place);
    const std::size_t no_near = near(no_place);
    const std::size_t yes_near = near(yes_place); // again: the other's stepping stone may have moved it out of reach
    emit(BPF_JMP | jump | BPF_K, value, reversed_.size() - yes_near, reversed_.size() - no_near);
    if (mask != kWholeWord) {
        emit(BPF_ALU | BPF_AND | BPF_K, mask);
    }
    return {reversed_.size(), offset};
}

std::vector<sock_filter> Assembler::program(Target start) {
    const Target first = enter(start);
    if (first.place != reversed_.size()) {
        jump_to(first.place);
    }
    return {reversed_.rbegin(), reversed_.rend()};
}

} // namespace stepdown::confine
