#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <linux/filter.h>

#include "confine/profile.hpp"

// What a program can answer, read off the program itself: for compiled filters too, whose profile is gone.
namespace stepdown::confine {

// "allow", "EPERM", "kill the process", …
std::string action_text(Action action);

// Every answer to a call with that number and these arguments; one that is empty or missing may be anything. Empty when
// the program is not valid.
using Arguments = std::vector<std::optional<std::uint64_t>>;
std::set<Action> answers_to(std::span<const sock_filter> program, std::uint32_t audit, std::uint32_t number,
                            const Arguments& arguments = {});

// The words of the arguments that decide about that number, by argument's index, and values on both sides of each
// comparison. Arguments that are not looked at are missing.
std::map<unsigned, std::set<std::uint64_t>> telling_arguments(std::span<const sock_filter> program, std::uint32_t audit,
                                                              std::uint32_t number);

// Arguments with which two programs answer a call differently.
struct Difference {
    std::vector<std::uint64_t> arguments; // empty: whatever they are
    Action first = 0;
    Action second = 0;
};

// One for each pair of answers, found among the values on both sides of each of the programs' comparisons. Where these
// have too many combinations, some hundred thousand of them are tried.
struct Differences {
    std::vector<Difference> shown;
    bool all_tried = true;
};
Differences differences(std::span<const sock_filter> first, std::span<const sock_filter> second, std::uint32_t audit,
                        std::uint32_t number);

} // namespace stepdown::confine
