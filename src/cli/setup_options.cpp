#include "cli/setters.hpp"

#include <algorithm>
#include <charconv>

#include "cli/values.hpp"
#include "plan/path.hpp"
#include "plan/tmpfiles.hpp"

namespace stepdown::cli {
namespace {

// What systemd.exec(5) makes of StateDirectory= and its like.
struct Folder {
    std::string_view option;
    std::string_view base;
    const char* variable;
};
constexpr Folder kState = {"state", "/var/lib/", "STATE_DIRECTORY"};
constexpr Folder kRuntime = {"runtime", "/run/", "RUNTIME_DIRECTORY"};
constexpr Folder kCache = {"cache", "/var/cache/", "CACHE_DIRECTORY"};
constexpr Folder kLogs = {"logs", "/var/log/", "LOGS_DIRECTORY"};

// Several are one variable, separated by colons.
void export_directory(EnvironmentRules& rules, const char* variable, const std::string& path) {
    const auto known = std::ranges::find_if(rules.changes, [variable](const Variable& change) {
        return change.name == variable && change.value && change.value->starts_with('/');
    });
    if (known == rules.changes.end()) {
        rules.changes.push_back({variable, path});
    } else {
        known->value->append(":").append(path);
    }
}

// What is there is given to the app before the directory itself is: with --own-policy=root-mismatch its owner tells
// whether that was done.
Result<> apply_folder(const Folder& folder, Parsed& parsed, std::string_view value, const Source& source) {
    const std::string path = std::string(folder.base) + std::string(value);
    if (auto checked = check_path(path, folder.option, value, source); !checked) {
        return checked;
    }
    if (value.contains(':')) {
        return refuse(source, folder.option, value,
                      "has a colon, which separates the paths in " + std::string(folder.variable));
    }
    if (was_given(parsed, "env", std::string(folder.variable) + "=")) {
        return refuse(source, folder.option, value,
                      "is told in " + std::string(folder.variable) + ", which --env sets too: leave one out");
    }
    parsed.plan.setup.push_back({.kind = SetupKind::kOwn, .path = path, .mode = {}, .must_exist = false});
    parsed.plan.setup.push_back({.kind = SetupKind::kMakeDirectory, .path = path, .mode = {}});
    export_directory(parsed.plan.environment, folder.variable, path);
    return {};
}

} // namespace

std::string_view folder_told_in(std::string_view variable) {
    for (const Folder& folder : {kState, kRuntime, kCache, kLogs}) {
        if (variable == folder.variable) {
            return folder.option;
        }
    }
    return {};
}

Result<> apply_setup(Parsed& parsed, std::string_view value, const Source& source) {
    if (value.contains('\n')) {
        return refuse(source, "setup", value, "is more than one line: write each as a value of its own");
    }
    auto step = plan::parse_setup_line(value, source.where);
    if (!step) {
        return std::unexpected(step.error());
    }
    if (*step) { // a comment is no step
        parsed.plan.setup.push_back(std::move(**step));
    }
    return {};
}

Result<> apply_setup_file(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, "setup-file", value, source); !checked) {
        return checked;
    }
    parsed.plan.setup_files.emplace_back(value);
    return {};
}

Result<> apply_state(Parsed& parsed, std::string_view value, const Source& source) {
    return apply_folder(kState, parsed, value, source);
}

Result<> apply_runtime(Parsed& parsed, std::string_view value, const Source& source) {
    return apply_folder(kRuntime, parsed, value, source);
}

Result<> apply_cache(Parsed& parsed, std::string_view value, const Source& source) {
    return apply_folder(kCache, parsed, value, source);
}

Result<> apply_logs(Parsed& parsed, std::string_view value, const Source& source) {
    return apply_folder(kLogs, parsed, value, source);
}

Result<> apply_mkdir(Parsed& parsed, std::string_view value, const Source& source) {
    SetupStep step = {.kind = SetupKind::kMakeDirectory, .path = {}, .mode = {}};
    const std::size_t colon = value.rfind(':');
    const std::string_view path = value.substr(0, colon);
    if (colon != std::string_view::npos) {
        step.mode = octal_mode(value.substr(colon + 1));
        if (!step.mode) {
            return refuse(source, "mkdir", value, "has no mode of three or four octal digits after its last colon");
        }
    }
    if (auto checked = check_path(path, "mkdir", value, source); !checked) {
        return checked;
    }
    step.path = plan::without_var_run(path);
    parsed.plan.setup.push_back(std::move(step));
    return {};
}

// PATH[:DIRMODE:FILEMODE]; a path that ends so itself can be written as a --setup line.
Result<> apply_own(Parsed& parsed, std::string_view value, const Source& source) {
    SetupStep step = {.kind = SetupKind::kOwn, .path = {}, .mode = {}};
    std::string_view path = value;
    if (const std::size_t last = value.rfind(':'); last != std::string_view::npos && last > 0) {
        const std::size_t first = value.rfind(':', last - 1);
        const auto file_mode = octal_mode(value.substr(last + 1));
        const auto mode =
            first == std::string_view::npos ? std::nullopt : octal_mode(value.substr(first + 1, last - first - 1));
        if (mode && file_mode) {
            step.mode = mode;
            step.file_mode = file_mode;
            path = value.substr(0, first);
        }
    }
    if (auto checked = check_path(path, "own", value, source); !checked) {
        return checked;
    }
    step.path = plan::without_var_run(path);
    parsed.plan.setup.push_back(std::move(step));
    return {};
}

Result<> apply_own_policy(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<OwnPolicy> kPolicies[] = {{"mismatch", OwnPolicy::kMismatch},
                                                      {"root-mismatch", OwnPolicy::kRootMismatch},
                                                      {"always", OwnPolicy::kAlways},
                                                      {"skip", OwnPolicy::kSkip}};
    return set_choice(parsed.plan.own.policy, kPolicies, "own-policy", value, source);
}

Result<> apply_own_allow(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<unsigned> kRefusals[] = {
        {"read-only", kAllowReadOnly}, {"no-chown", kAllowNoChown}, {"immutable", kAllowImmutable}};
    unsigned allowed = 0;
    auto set = set_choice(allowed, kRefusals, "own-allow", value, source);
    parsed.plan.own.allowed |= allowed;
    return set;
}

Result<> apply_own_across_mounts(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.own.cross_mounts, true, "own-across-mounts", value, source);
}

Result<> apply_setup_best_effort(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.setup_best_effort, true, "setup-best-effort", value, source);
}

} // namespace stepdown::cli
