#include "plan/account_groups.hpp"

#include <algorithm>

#include "plan/accounts.hpp"

namespace stepdown::plan {
namespace {

// The part of text before the separator, which is taken away with it.
std::string_view take(std::string_view& text, char separator) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
}

bool lists(std::string_view members, std::string_view name) {
    while (!members.empty()) {
        if (take(members, ',') == name) {
            return true;
        }
    }
    return false;
}

} // namespace

std::vector<gid_t> account_groups(std::string_view name, gid_t own, std::string_view group) {
    std::vector<gid_t> ids = {own};
    while (!group.empty()) {
        if (const auto entry = parse_group(take(group, '\n')); entry && lists(entry->members, name)) {
            ids.push_back(entry->gid);
        }
    }
    std::ranges::sort(ids);
    const auto again = std::ranges::unique(ids);
    ids.erase(again.begin(), again.end());
    return ids;
}

} // namespace stepdown::plan
