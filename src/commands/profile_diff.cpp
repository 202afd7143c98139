#include "commands/profile_diff.hpp"

#include <map>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <linux/seccomp.h>

#include "confine/answers.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::commands {
namespace {

using confine::Action;
using confine::Compiled;

constexpr std::uint32_t kBeyondAll = 0x3fffffff; // above every call, below x32's bit

bool is_killed(const Compiled& filter, std::uint32_t audit, std::uint32_t number) {
    return confine::answers_to(filter.program, audit, number) == std::set<Action>{SECCOMP_RET_KILL_PROCESS};
}

// Another architecture than the machine's own that the profile does not name.
bool leaves_out(const Compiled& filter, const confine::ArchitectureFacts& facts) {
    const std::uint32_t execve = confine::entries_of("execve", facts.architecture).front().number;
    const std::uint32_t unnamed =
        facts.architecture == confine::Architecture::kX32 ? confine::kX32Bit | 0x3fff : kBeyondAll;
    return facts.architecture != filter.native && is_killed(filter, facts.audit, execve) &&
           is_killed(filter, facts.audit, unnamed);
}

// The calls of an architecture by number, and some numbers that are none.
std::map<std::uint32_t, std::string> numbers_of(confine::Architecture architecture) {
    constexpr std::string_view kNone = "a number without a call";
    std::map<std::uint32_t, std::string> numbers = confine::calls_of(architecture);
    const std::uint32_t last = numbers.empty() ? 0 : numbers.rbegin()->first;
    const std::uint32_t first = architecture == confine::Architecture::kX32 ? confine::kX32Bit : 0;
    for (std::uint32_t number = first; number < first + 600 && number < last; ++number) {
        numbers.emplace(number, kNone);
    }
    numbers.emplace(last + 1, "a number above all calls");
    return numbers;
}

std::string lines_of(const Compiled& first, const Compiled& second, const confine::ArchitectureFacts& facts) {
    const std::string place = facts.architecture == first.native ? std::string() : fmt::format("{} ", facts.oci_name);
    std::string lines;
    std::set<std::string> said; // once for all the numbers that have no name
    for (const auto& [number, name] : numbers_of(facts.architecture)) {
        const auto found = confine::differences(first.program, second.program, facts.audit, number);
        for (const confine::Difference& difference : found.shown) {
            std::string line =
                fmt::format("{}{}({}): {} -> {}\n", place, name, text_of(difference.arguments),
                            confine::action_text(difference.first), confine::action_text(difference.second));
            lines += said.insert(line).second ? line : "";
        }
        if (!found.all_tried) {
            lines += fmt::format("{}{}: not all arguments were tried, there are too many\n", place, name);
        }
    }
    return lines;
}

std::string flags_text(unsigned flags) {
    constexpr std::pair<unsigned, std::string_view> kFlags[] = {{SECCOMP_FILTER_FLAG_TSYNC, "TSYNC"},
                                                                {SECCOMP_FILTER_FLAG_LOG, "LOG"},
                                                                {SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SPEC_ALLOW"}};
    std::string text;
    for (const auto& [flag, name] : kFlags) {
        if ((flags & flag) != 0) {
            text.append(text.empty() ? "" : " ").append(name);
        }
    }
    return text.empty() ? "none" : text;
}

} // namespace

std::string text_of(const std::vector<std::uint64_t>& arguments) {
    std::string text;
    for (const std::uint64_t argument : arguments) {
        text += fmt::format("{}{:#x}", text.empty() ? "" : ", ", argument);
    }
    return text;
}

std::string differences_text(const Compiled& first, const Compiled& second) {
    std::string text;
    for (const confine::ArchitectureFacts& facts : confine::architectures()) {
        if (facts.kernel != first.native) {
            continue;
        }
        const bool without = leaves_out(first, facts);
        if (without != leaves_out(second, facts)) {
            text += fmt::format("{}: {} -> {}\n", facts.oci_name, without ? "kill the process" : "listed",
                                without ? "listed" : "kill the process");
        } else if (!without) {
            text += lines_of(first, second, facts);
        }
    }
    if (first.flags != second.flags) {
        text += fmt::format("flags: {} -> {}\n", flags_text(first.flags), flags_text(second.flags));
    }
    return text;
}

} // namespace stepdown::commands
