#include <ranges>

#include "verify/assess.hpp"
#include "verify/judge.hpp"
#include "verify/probe.hpp"
#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

// Those of no table.
constexpr char kOthers[] =
    "init.dumpable receipt receipt.protected seccomp.enforced process status probe probe.filter probe.landlock "
    "probe.landlock.write probe.landlock.read probe.landlock.connect probe.landlock.bind probe.landlock.abstract "
    "probe.landlock.signal";

} // namespace

std::vector<std::string_view> check_ids() {
    std::vector<std::string_view> ids;
    for (const Check& check : checks()) {
        ids.push_back(check.id);
    }
    for (const Look& look : looks()) {
        ids.push_back(look.id);
    }
    for (const auto word : std::views::split(std::string_view(kOthers), ' ')) {
        ids.emplace_back(word);
    }
    for (const Attempt& attempt : attempts()) {
        ids.push_back(attempt.id);
    }
    return ids;
}

} // namespace stepdown::verify
