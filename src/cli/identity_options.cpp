#include "cli/setters.hpp"

#include "cli/values.hpp"
#include "plan/capability_names.hpp"
#include "plan/environment.hpp"

namespace stepdown::cli {

Result<> apply_user(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.user_spec = value; // resolved later, when the image's passwd and group files have been read
    return {};
}

Result<> apply_user_from(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, "user-from", value, source); !checked) {
        return checked;
    }
    parsed.plan.user_from = value;
    return {};
}

Result<> apply_user_env(Parsed& parsed, std::string_view value, const Source& source) {
    const std::size_t colon = value.find(':');
    if (!plan::is_variable_name(value.substr(0, colon)) ||
        (colon != std::string_view::npos && !plan::is_variable_name(value.substr(colon + 1)))) {
        return refuse(source, "user-env", value, "names no variables: write UIDVAR or UIDVAR:GIDVAR, as PUID:PGID");
    }
    parsed.plan.user_variables = value;
    return {};
}

Result<> apply_groups(Parsed& parsed, std::string_view value, const Source& source) {
    Groups& groups = parsed.plan.groups;
    groups = {};
    if (value == "clear") {
        return {};
    }
    for (std::string_view rest = value;;) {
        const std::size_t comma = rest.find(',');
        const std::string_view word = rest.substr(0, comma);
        if (word.empty() || word == "clear") {
            return refuse(source, "groups", value,
                          word.empty() ? "has an empty name in its list; it is clear, or a list of passwd, keep, names "
                                         "and numbers"
                                       : "has clear in a list: write it alone, or leave it out");
        }
        if (word == "passwd" || word == "keep") {
            (word == "keep" ? groups.keep : groups.passwd) = true;
        } else {
            groups.names.emplace_back(word);
        }
        if (comma == std::string_view::npos) {
            return {};
        }
        rest.remove_prefix(comma + 1);
    }
}

Result<> apply_allow_root(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.allow_root, true, "allow-root", value, source);
}

Result<> apply_keep_cap(Parsed& parsed, std::string_view value, const Source& source) {
    const std::optional<unsigned> capability = plan::capability_number(value);
    if (!capability) {
        return refuse(source, "keep-cap", value,
                      "is no capability: write a name of capabilities(7), as net_bind_service, or its number");
    }
    parsed.plan.kept_capabilities |= std::uint64_t{1} << *capability;
    return {};
}

Result<> apply_passwd_entry(Parsed& parsed, std::string_view value, const Source& source) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_";
    constexpr std::string_view kMore = "abcdefghijklmnopqrstuvwxyz_0123456789-";
    constexpr std::size_t kLongest = 32; // useradd(8)
    if (value.size() > kLongest || !kLetters.contains(value.front()) ||
        value.find_first_not_of(kMore) != std::string_view::npos) {
        return refuse(source, "passwd-entry", value,
                      "is no name for an account: a small letter or _, then small letters, digits, _ and -");
    }
    parsed.plan.account_name = value;
    return {};
}

} // namespace stepdown::cli
