#include "plan/groups.hpp"

#include <algorithm>

#include "plan/accounts.hpp"

namespace stepdown::plan {
namespace {

bool lists(std::string_view members, std::string_view name) {
    while (!members.empty()) {
        const std::string_view member = members.substr(0, members.find(','));
        if (member == name) {
            return true;
        }
        members.remove_prefix(std::min(member.size() + 1, members.size()));
    }
    return false;
}

std::vector<gid_t> groups_of(std::string_view name, std::string_view group) {
    std::vector<gid_t> ids;
    while (!group.empty()) {
        const std::string_view line = group.substr(0, group.find('\n'));
        group.remove_prefix(std::min(line.size() + 1, group.size()));
        if (const auto entry = parse_group(line); entry && lists(entry->members, name)) {
            ids.push_back(entry->gid);
        }
    }
    return ids;
}

bool is_number(std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

std::unexpected<Error> unknown(std::string_view where, std::string_view word, std::string_view what,
                               std::string_view file) {
    std::string line(where);
    line.append(line.empty() ? "" : ": ").append("\"").append(word).append("\" ");
    if (is_number(word)) {
        return fail(ExitCode::kUsage,
                    line.append("is no id: a decimal number from 0 to 4294967294 without leading zeros"));
    }
    return fail(ExitCode::kUsage, line.append("names no ")
                                      .append(what)
                                      .append(" of this image: add it to ")
                                      .append(file)
                                      .append(" or use a number"));
}

} // namespace

Result<gid_t> group_id(std::string_view word, std::string_view group, std::string_view where) {
    if (const auto id = parse_id(word)) {
        return *id;
    }
    if (const auto entry = is_number(word) ? std::nullopt : find_group(group, word)) {
        return entry->gid;
    }
    return unknown(where, word, "group", "/etc/group");
}

Result<uid_t> user_id(std::string_view word, std::string_view passwd, std::string_view where) {
    if (const auto id = parse_id(word)) {
        return *id;
    }
    if (const auto account = is_number(word) ? std::nullopt : find_user(passwd, word)) {
        return account->uid;
    }
    return unknown(where, word, "user", "/etc/passwd");
}

Result<> resolve_groups(Plan& plan, std::string_view group, const Source& source) {
    Groups& groups = plan.groups;
    groups.ids.clear();
    if (groups.passwd && plan.identity && !plan.identity->user_name.empty()) {
        groups.ids = groups_of(plan.identity->user_name, group);
        std::erase_if(groups.ids, [&plan](gid_t id) { return id == 0 && !plan.allow_root; });
    }
    for (const std::string& name : groups.names) {
        const Result<gid_t> id = group_id(name, group, source.where);
        if (!id) {
            return std::unexpected(id.error());
        }
        if (*id == 0 && !plan.allow_root) {
            return fail(ExitCode::kUsage, source.where + ": \"" + name +
                                              "\" is gid 0: leave it out, or write --allow-root if it must be");
        }
        groups.ids.push_back(*id);
    }
    std::ranges::sort(groups.ids);
    const auto again = std::ranges::unique(groups.ids);
    groups.ids.erase(again.begin(), again.end());
    return {};
}

} // namespace stepdown::plan
