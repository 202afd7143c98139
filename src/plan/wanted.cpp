#include "plan/wanted.hpp"

#include <algorithm>

#include <linux/capability.h>
#include <linux/seccomp.h>

#include "plan/capability_names.hpp"
#include "plan/validate.hpp"

namespace stepdown::plan {
namespace {

struct Needed {
    unsigned capability;
    const char* name;
};
constexpr Needed kSetUid = {CAP_SETUID, "SETUID"};
constexpr Needed kSetGid = {CAP_SETGID, "SETGID"};
constexpr Needed kSetPcap = {CAP_SETPCAP, "SETPCAP"};

bool holds(const Facts& before, Needed needed) {
    return (before.capabilities->effective >> needed.capability & 1) != 0;
}

bool has_zero(const FourIds& ids) { return std::ranges::contains(ids, 0U); }

FourIds wanted_uid(const Plan& plan, const Facts& before) {
    return plan.identity ? all_four(plan.identity->uid) : *before.uid;
}

FourIds wanted_gid(const Plan& plan, const Facts& before) {
    return plan.identity ? all_four(plan.identity->gid) : *before.gid;
}

std::vector<std::uint32_t> wanted_groups(const Plan& plan, const Facts& before) {
    std::vector<std::uint32_t> groups(plan.groups.ids.begin(), plan.groups.ids.end());
    if (plan.groups.keep) {
        std::ranges::copy_if(*before.groups, std::back_inserter(groups), [](std::uint32_t id) { return id != 0; });
        std::ranges::sort(groups);
        const auto again = std::ranges::unique(groups);
        groups.erase(again.begin(), again.end());
    }
    return groups;
}

bool is_complete(const Facts& before) {
    return before.uid && before.gid && before.groups && before.capabilities && before.securebits && before.no_new_privs;
}

Result<> refuse_unnamed_root(const Plan& plan, const Facts& before) {
    if (!plan.identity && !plan.allow_root && !plan.as_is && has_zero(*before.uid)) {
        return fail(ExitCode::kUsage,
                    "no user named: started as root, so say who the app will be: --user=USER[:GROUP], "
                    "STEPDOWN_USER or user in /etc/stepdown.toml; or write --allow-root");
    }
    return refuse_root(plan);
}

// The kernel lets a thread keep only what it may have anyway: capabilities(7).
Result<> refuse_unkept(const Plan& plan, const Facts& before) {
    const std::uint64_t held = before.capabilities->permitted & before.capabilities->bounding;
    const std::uint64_t missing = plan.kept_capabilities & ~held;
    if (missing == 0) {
        return {};
    }
    return fail(ExitCode::kDrop,
                "cannot keep " + capability_names(missing) +
                    " for the app: the container was started without; start it as root with --cap-add=" +
                    capability_names(missing, " --cap-add="));
}

// All the capabilities that are missing for what must change, so that one try finds them all.
Result<> refuse_missing(const Plan& plan, const Facts& before) {
    std::vector<Needed> missing;
    const auto need = [&](bool needed, Needed capability) {
        if (needed && !holds(before, capability)) {
            missing.push_back(capability);
        }
    };
    need(wanted_uid(plan, before) != *before.uid, kSetUid);
    const bool groups_are_asked_for = plan.identity || plan.groups.are_asked_for();
    need(wanted_gid(plan, before) != *before.gid ||
             (groups_are_asked_for && wanted_groups(plan, before) != *before.groups),
         kSetGid);
    need(before.capabilities->bounding != plan.kept_capabilities || before.securebits != kLockedSecurebits, kSetPcap);
    if (missing.empty()) {
        return {};
    }
    std::string names;
    std::string options;
    for (const Needed& capability : missing) {
        names.append(names.empty() ? "" : ", ").append("CAP_").append(capability.name);
        options.append(" --cap-add=").append(capability.name);
    }
    const std::string ids =
        std::to_string(wanted_uid(plan, before)[0]) + ":" + std::to_string(wanted_gid(plan, before)[0]);
    const bool ids_change = wanted_uid(plan, before) != *before.uid || wanted_gid(plan, before) != *before.gid;
    const bool can_start_as_them = ids_change && !has_zero(wanted_uid(plan, before));
    return fail(ExitCode::kDrop, "cannot step down to " + ids + ": " + names + (missing.size() > 1 ? " are" : " is") +
                                     " missing; start the container with" + options +
                                     (can_start_as_them ? ", or unprivileged with --user " + ids
                                                        : ", or without any capability: --cap-drop=ALL"));
}

} // namespace

bool already_unprivileged(const Plan& plan, const Facts& before) {
    const CapabilitySets& sets = *before.capabilities;
    return sets.permitted == 0 && sets.effective == 0 && (!has_zero(*before.uid) || sets.bounding == 0) &&
           wanted_uid(plan, before) == *before.uid && wanted_gid(plan, before) == *before.gid;
}

Result<Facts> wanted(const Plan& plan, const Facts& before) {
    if (!is_complete(before)) {
        return fail(ExitCode::kInternal, "the facts before the step down are incomplete");
    }
    if (auto named = refuse_unnamed_root(plan, before); !named) {
        return std::unexpected(std::move(named.error()));
    }
    Facts facts = before;
    facts.uid = wanted_uid(plan, before);
    facts.gid = wanted_gid(plan, before);
    if (plan.as_is) {
        facts.groups = plan.identity ? wanted_groups(plan, before) : *before.groups;
        return facts;
    }
    const std::uint64_t kept = plan.kept_capabilities;
    facts.capabilities =
        CapabilitySets{.inheritable = kept, .permitted = kept, .effective = kept, .bounding = kept, .ambient = kept};
    facts.no_new_privs = true;
    if (auto possible = refuse_unkept(plan, before); !possible) {
        return std::unexpected(std::move(possible.error()));
    }
    if (already_unprivileged(plan, before)) {
        facts.capabilities->bounding = before.capabilities->bounding;
        return facts;
    }
    if (auto enough = refuse_missing(plan, before); !enough) {
        return std::unexpected(std::move(enough.error()));
    }
    if (holds(before, kSetGid)) {
        facts.groups = wanted_groups(plan, before);
    }
    facts.securebits = kLockedSecurebits;
    return facts;
}

// A process can be under one filter with a listener only: what PID 1 hears of is in one with all the rest.
Facts with_filter(const Plan& plan, Facts facts) {
    const int separate = (plan.emulate_root != "off" ? 1 : 0) + (plan.seccomp.profile != "off" ? 1 : 0);
    const int count = plan.seccomp.listens() ? 1 : separate;
    if (count > 0) {
        facts.seccomp_mode = SECCOMP_MODE_FILTER;
        if (facts.seccomp_filters) {
            *facts.seccomp_filters += static_cast<unsigned>(count);
        }
    }
    return facts;
}

std::vector<std::string> start_warnings(const Plan& plan, const Facts& before) {
    std::vector<std::string> warnings;
    if (plan.as_is) {
        return warnings;
    }
    if (!plan.identity && !plan.allow_root && before.gid && has_zero(*before.gid)) {
        warnings.emplace_back(
            "the app runs with gid 0, which the engine gives when only a uid is named: start with --user UID:GID");
    }
    if (before.groups && !plan.allow_root && std::ranges::contains(*before.groups, 0U) &&
        already_unprivileged(plan, before)) {
        warnings.emplace_back("the app stays in group 0, which only a start with CAP_SETGID could leave");
    }
    if (before.groups && plan.groups.are_asked_for() && already_unprivileged(plan, before) &&
        wanted_groups(plan, before) != *before.groups) {
        warnings.emplace_back("the supplementary groups stay as they are: only a start with CAP_SETGID can set them");
    }
    return warnings;
}

} // namespace stepdown::plan
