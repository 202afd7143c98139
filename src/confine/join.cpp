#include "confine/join.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <linux/seccomp.h>

#include "confine/instructions.hpp"

namespace stepdown::confine {

Result<std::vector<sock_filter>> followed_by(std::span<const sock_filter> first, std::span<const sock_filter> then) {
    std::vector<sock_filter> program(first.begin(), first.end());
    // A copy of the other program for each answer that lets a call through.
    std::vector<std::pair<Action, std::size_t>> copies;
    for (std::size_t at = 0; at < first.size() && !then.empty(); ++at) {
        if (!lets_through(first[at])) {
            continue;
        }
        const Action action = first[at].k;
        auto copy = std::ranges::find(copies, action, &std::pair<Action, std::size_t>::first);
        if (copy == copies.end()) {
            copy = copies.insert(copy, {action, program.size()});
            for (sock_filter instruction : then) {
                instruction.k = returns(instruction, SECCOMP_RET_ALLOW) ? action : instruction.k;
                program.push_back(instruction);
            }
        }
        program[at] = {BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(copy->second - at - 1)};
    }
    if (program.size() > BPF_MAXINSNS) {
        return fail(ExitCode::kUsage,
                    fmt::format("two filters joined would have {} instructions, the kernel takes {}: use fewer "
                                "conditions or architectures",
                                program.size(), BPF_MAXINSNS));
    }
    return program;
}

} // namespace stepdown::confine
