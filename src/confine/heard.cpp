#include "confine/heard.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <linux/seccomp.h>

#include "confine/profile.hpp"

namespace stepdown::confine {
namespace {

constexpr std::uint16_t kReturn = BPF_RET | BPF_K;
constexpr std::uint16_t kJump = BPF_JMP | BPF_JA;
constexpr sock_filter kAllow = {kReturn, 0, 0, SECCOMP_RET_ALLOW};
constexpr sock_filter kTell = {kReturn, 0, 0, SECCOMP_RET_USER_NOTIF};

bool returns(const sock_filter& instruction, Action kind) {
    return instruction.code == kReturn && (instruction.k & SECCOMP_RET_ACTION_FULL) == kind;
}

// Weaker than a notification: of two filters' answers the notification would count, seccomp(2).
bool lets_through(const sock_filter& instruction) {
    return returns(instruction, SECCOMP_RET_ALLOW) || returns(instruction, SECCOMP_RET_LOG) ||
           returns(instruction, SECCOMP_RET_TRACE);
}

} // namespace

Result<std::vector<sock_filter>> heard(std::span<const sock_filter> app, std::span<const sock_filter> other,
                                       Hears hears) {
    std::vector<sock_filter> program(app.begin(), app.end());
    if (program.empty()) {
        program.push_back(kAllow);
    }
    // Behind the app's program a copy of the other one for each answer that lets a call through.
    std::vector<std::pair<Action, std::size_t>> copies;
    const std::size_t size = program.size();
    for (std::size_t at = 0; at < size; ++at) {
        if (returns(program[at], SECCOMP_RET_ERRNO) || (hears == Hears::kAll && lets_through(program[at]))) {
            program[at] = kTell;
        } else if (lets_through(program[at]) && !other.empty()) {
            const Action action = program[at].k;
            auto copy = std::ranges::find(copies, action, &std::pair<Action, std::size_t>::first);
            if (copy == copies.end()) {
                copy = copies.insert(copy, {action, program.size()});
                for (sock_filter instruction : other) {
                    instruction.k = returns(instruction, SECCOMP_RET_ALLOW) ? action : instruction.k;
                    program.push_back(instruction);
                }
            }
            program[at] = {kJump, 0, 0, static_cast<std::uint32_t>(copy->second - at - 1)};
        }
    }
    if (program.size() > BPF_MAXINSNS) {
        return fail(ExitCode::kUsage, fmt::format("the filter with what PID 1 hears of would have {} instructions, the "
                                                  "kernel takes {}",
                                                  program.size(), BPF_MAXINSNS));
    }
    return program;
}

} // namespace stepdown::confine
