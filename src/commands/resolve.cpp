#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/account_files.hpp"
#include "commands/start.hpp"
#include "plan/account_groups.hpp"
#include "plan/accounts.hpp"
#include "plan/groups.hpp"
#include "plan/user_spec.hpp"
#include "plan/validate.hpp"

namespace stepdown::commands {
namespace {

// A spec that the words only lead to, and the option it is to be blamed on.
struct NamedUser {
    std::string spec;
    std::string_view option;
};

// What --user says where the other one finds nobody.
Result<NamedUser> fall_back(const Plan& plan, std::string_view option, std::string_view why) {
    if (!plan.user_spec.empty()) {
        return NamedUser{plan.user_spec, "user"};
    }
    return fail(ExitCode::kUsage, source_of(plan, option).where + ": " + std::string(why) +
                                      "; set it, or write --user for the app to be then");
}

// The owner of a path. No link is followed: its owner would be whoever planted it.
Result<NamedUser> owner_of_path(sys::Kernel& kernel, const Plan& plan) {
    const auto pin = kernel.open_at(AT_FDCWD, plan.user_from.c_str(), O_PATH | O_NOFOLLOW);
    const auto found = pin ? kernel.stat_at(pin->get(), "") : sys::Sys<struct stat>(std::unexpected(pin.error()));
    if (!found && found.error() != ENOENT) {
        return call_failed(ExitCode::kUsage,
                           source_of(plan, "user-from").where + ": cannot look at \"" + plan.user_from + "\"",
                           "openat2", found.error(), "name the path itself, no link to it");
    }
    if (found && S_ISLNK(found->st_mode)) {
        return fail(ExitCode::kUsage, source_of(plan, "user-from").where + ": \"" + plan.user_from +
                                          "\" is a symbolic link, and its owner whoever made it: name the path it "
                                          "leads to");
    }
    if (!found) {
        return fall_back(plan, "user-from", "\"" + plan.user_from + "\" does not exist");
    }
    if (found->st_uid == 0) {
        return fall_back(plan, "user-from", "\"" + plan.user_from + "\" is root's, whom the app must not be");
    }
    const std::string group = found->st_gid == 0 ? "" : ":" + std::to_string(found->st_gid);
    return NamedUser{std::to_string(found->st_uid) + group, "user-from"};
}

// A variable's value as an id; empty when it is not set. 0 and what is no number are never taken for anything else.
Result<std::string> id_in(const Plan& plan, const std::string& variable) {
    const char* const value = ::getenv(variable.c_str());
    const std::string_view text = value == nullptr ? "" : value;
    if (text.empty()) {
        return std::string();
    }
    const auto id = plan::parse_id(text);
    if (!id || (*id == 0 && !plan.allow_root)) {
        return fail(ExitCode::kUsage, source_of(plan, "user-env").where + ": " + variable + "=\"" + std::string(text) +
                                          "\" is no id for an app: a decimal number from 1 to 4294967294");
    }
    return std::string(text);
}

Result<NamedUser> user_in_variables(const Plan& plan) {
    const std::size_t colon = plan.user_variables.find(':');
    const Result<std::string> uid = id_in(plan, plan.user_variables.substr(0, colon));
    if (!uid) {
        return std::unexpected(uid.error());
    }
    const Result<std::string> gid =
        colon == std::string::npos ? std::string() : id_in(plan, plan.user_variables.substr(colon + 1));
    if (!gid) {
        return std::unexpected(gid.error());
    }
    if (uid->empty()) {
        return fall_back(plan, "user-env", plan.user_variables.substr(0, colon) + " is not set");
    }
    return NamedUser{*uid + (gid->empty() ? "" : ":" + *gid), "user-env"};
}

Result<NamedUser> named_user(sys::Kernel& kernel, const Plan& plan) {
    if (!plan.user_from.empty() && !plan.user_variables.empty()) {
        return fail(ExitCode::kUsage,
                    source_of(plan, "user-env").where + ": --user-from too says who the app will be: leave one out");
    }
    if (!plan.user_from.empty()) {
        return owner_of_path(kernel, plan);
    }
    if (!plan.user_variables.empty()) {
        return user_in_variables(plan);
    }
    return NamedUser{plan.user_spec, "user"};
}

bool needs_group_file(std::string_view spec) {
    const std::size_t colon = spec.find(':');
    return colon != std::string_view::npos && spec.find_first_not_of("0123456789", colon + 1) != std::string_view::npos;
}

Result<> resolve_identity(sys::Kernel& kernel, Plan& plan, AccountFiles& files) {
    Result<NamedUser> named = named_user(kernel, plan);
    if (!named) {
        return std::unexpected(named.error());
    }
    plan.user_spec = std::move(named->spec);
    if (plan.user_spec.empty()) {
        return {};
    }
    const Result<std::string>& passwd = files.passwd();
    if (!passwd) {
        return std::unexpected(passwd.error());
    }
    const Result<std::string> group = needs_group_file(plan.user_spec) ? files.group() : std::string();
    if (!group) {
        return std::unexpected(group.error());
    }
    Result<Identity> identity =
        plan::resolve_user(plan.user_spec, *passwd, *group, source_of(plan, named->option), ::getuid());
    if (!identity) {
        return std::unexpected(identity.error());
    }
    plan.identity = std::move(*identity);
    return {};
}

// Whether there is a line of passwd to add, which plan.account_name says from here on; the app has the name already.
Result<> resolve_account(Plan& plan, AccountFiles& files) {
    if (plan.account_name.empty()) {
        return {};
    }
    const Result<std::string>& passwd = files.passwd();
    if (!passwd) {
        return std::unexpected(passwd.error());
    }
    if (plan::find_user(*passwd, plan.identity ? plan.identity->uid : ::getuid())) {
        plan.account_name.clear();
        return {};
    }
    if (plan::find_user(*passwd, plan.account_name)) {
        return fail(ExitCode::kUsage, source_of(plan, "passwd-entry").where + ": \"" + plan.account_name +
                                          "\" is another uid's account already: choose another name");
    }
    if (plan.identity) {
        plan.identity->user_name = plan.account_name;
    }
    return {};
}

Result<> resolve_supplementary(Plan& plan, AccountFiles& files) {
    if (!plan.groups.passwd && plan.groups.names.empty()) {
        return {};
    }
    const Result<std::string>& group = files.group();
    return group ? plan::resolve_groups(plan, *group, source_of(plan, "groups")) : std::unexpected(group.error());
}

// As gosu has it: a number without an account keeps the caller's group, an account has the groups that list it unless
// one group is named, and root keeps all that it has.
Result<> take_callers(Plan& plan, AccountFiles& files) {
    Identity& identity = *plan.identity;
    const bool group_named = plan.user_spec.contains(':');
    if (identity.user_name.empty() && !group_named) {
        identity.gid = ::getgid();
    }
    plan.as_is = identity.uid == 0;
    plan.groups.ids = {identity.gid};
    if (!identity.user_name.empty() && !group_named) {
        const Result<std::string>& group = files.group();
        if (!group) {
            return std::unexpected(group.error());
        }
        plan.groups.ids = plan::account_groups(identity.user_name, identity.gid, *group);
    }
    return {};
}

} // namespace

Source source_of(const Plan& plan, std::string_view option) {
    for (const Setting& setting : plan.settings) {
        if (setting.name == option) {
            return setting.source;
        }
    }
    return {};
}

Result<> resolve(sys::Kernel& kernel, Plan& plan) {
    AccountFiles files(kernel);
    if (auto resolved = resolve_identity(kernel, plan, files); !resolved) {
        return resolved;
    }
    if (auto taken = plan.callers_gid && plan.identity ? take_callers(plan, files) : Result<>(); !taken) {
        return taken;
    }
    if (auto resolved = resolve_account(plan, files); !resolved) {
        return resolved;
    }
    if (auto resolved = resolve_supplementary(plan, files); !resolved) {
        return resolved;
    }
    if (auto resolved = resolve_setup(kernel, plan, files); !resolved) {
        return resolved;
    }
    if (const auto emulation = root_emulation_of(plan); !emulation) {
        return std::unexpected(emulation.error());
    }
    return plan::check(plan);
}

} // namespace stepdown::commands
