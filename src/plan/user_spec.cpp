#include "plan/user_spec.hpp"

#include <algorithm>
#include <optional>

#include "plan/accounts.hpp"

namespace stepdown::plan {
namespace {

struct Spec {
    std::string_view whole;
    const Source& source;

    std::unexpected<Error> refuse(std::string_view part, std::string_view why) const {
        std::string line(source.where);
        line.append(line.empty() ? "" : ": ").append("\"").append(whole).append("\": ");
        if (part != whole) {
            line.append("\"").append(part).append("\" ");
        }
        return fail(ExitCode::kUsage, line.append(why));
    }
};

constexpr std::string_view kNotANumber =
    "is not a plain decimal number from 0 to 4294967294, without sign, blank or leading zero";

// The number a part is; nothing if it is a name. A part that only looks like a number is an error: it must not become a
// name.
Result<std::optional<std::uint32_t>> number_in(const Spec& spec, std::string_view part) {
    if (const auto id = parse_id(part); id) {
        return id;
    }
    constexpr std::string_view kDigits = "0123456789";
    const bool like_a_number = part.find_first_not_of(kDigits) == std::string_view::npos || part.front() == '+' ||
                               part.front() == '-' || part.contains(' ');
    if (like_a_number) {
        return spec.refuse(part, kNotANumber);
    }
    return std::nullopt;
}

std::string no_entry(std::string_view what, std::string_view file, bool empty, std::size_t malformed_line) {
    std::string why = "names no ";
    why.append(what).append(" of this image: ");
    if (empty) {
        return why.append(file).append(" is missing or empty: use numbers");
    }
    if (malformed_line != 0) {
        return why.append("line ")
            .append(std::to_string(malformed_line))
            .append(" of ")
            .append(file)
            .append(" has the name but is malformed");
    }
    return why.append("add it to ").append(file).append(" or use a number");
}

void take_account(Identity& identity, const Account& account) {
    identity.user_name = account.name;
    if (account.home.starts_with('/')) {
        identity.home = account.home;
    }
    if (account.shell.starts_with('/')) {
        identity.shell = account.shell;
    }
}

Result<Identity> resolve_user_part(const Spec& spec, std::string_view part, std::string_view passwd) {
    const auto number = number_in(spec, part);
    if (!number) {
        return std::unexpected(number.error());
    }
    const auto account = *number ? find_user(passwd, **number) : find_user(passwd, part);
    if (!account && !*number) {
        return spec.refuse(part, no_entry("user", "/etc/passwd", passwd.empty(), malformed_user(passwd, part)));
    }
    Identity identity;
    identity.uid = account ? account->uid : **number;
    identity.gid = account ? account->gid : **number; // never 0, which is what others make of it
    if (account) {
        take_account(identity, *account);
    }
    return identity;
}

Result<gid_t> resolve_group_part(const Spec& spec, std::string_view part, std::string_view group) {
    const auto number = number_in(spec, part);
    if (!number) {
        return std::unexpected(number.error());
    }
    if (*number) {
        return **number;
    }
    if (const auto entry = find_group(group, part); entry) {
        return entry->gid;
    }
    return spec.refuse(part, no_entry("group", "/etc/group", group.empty(), malformed_group(group, part)));
}

} // namespace

Result<Identity> resolve_user(std::string_view text, std::string_view passwd, std::string_view group,
                              const Source& source, uid_t current_uid) {
    const Spec spec = {text, source};
    if (text.empty()) {
        return spec.refuse(text, "is empty: name a user, as USER[:GROUP]");
    }
    if (std::ranges::count(text, ':') > 1) {
        return spec.refuse(text, "has more than one colon: write USER[:GROUP]");
    }
    const std::size_t colon = text.find(':');
    const std::string_view user_part = text.substr(0, colon);
    Result<Identity> identity;
    if (user_part.empty()) {
        identity->uid = current_uid;
        if (const auto account = find_user(passwd, current_uid); account) {
            take_account(*identity, *account);
        }
    } else {
        identity = resolve_user_part(spec, user_part, passwd);
    }
    if (!identity || colon == std::string_view::npos) {
        return identity;
    }
    const std::string_view group_part = text.substr(colon + 1);
    if (group_part.empty()) {
        return spec.refuse(text, "has no group after the colon: write USER, USER:GROUP or :GROUP");
    }
    const auto gid = resolve_group_part(spec, group_part, group);
    if (!gid) {
        return std::unexpected(gid.error());
    }
    identity->gid = *gid;
    return identity;
}

} // namespace stepdown::plan
