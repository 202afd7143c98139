#include <algorithm>
#include <tuple>

#include "plan/groups.hpp"
#include "plan/path.hpp"
#include "plan/tmpfiles.hpp"
#include "stepdown/sort.hpp"

namespace stepdown::plan {
namespace {

constexpr std::string_view kFactory = "/usr/share/factory";

std::unexpected<Error> refuse(const SetupStep& step, std::string_view value, std::string_view why) {
    return fail(ExitCode::kUsage, std::string(step.origin).append(": \"").append(value).append("\" ").append(why));
}

Result<> expand(const SetupStep& step, std::string& text, const Specifiers& specifiers) {
    constexpr std::string_view kLetters = "aAbBCgGhHlLmMoStTuUvVwW";
    if (!text.contains('%')) {
        return {};
    }
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        const char letter = ++at < text.size() ? text[at] : '\0';
        if (letter == '%') {
            out += '%';
        } else if (letter != '\0' && kLetters.contains(letter)) {
            out += specifiers.value_of(specifiers.context, letter);
        } else {
            return refuse(step, text, "has a % that begins no specifier of tmpfiles.d(5): write %% for the sign");
        }
    }
    text = std::move(out);
    return {};
}

// "/run//app/./" is "/run/app", as path_simplify of systemd; /var/run is /run, where images have it as a link.
void simplify(std::string& path) {
    std::string out;
    for (std::string_view rest = path; !rest.empty();) {
        const std::string_view name = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(name.size() + 1, rest.size()));
        if (!name.empty() && name != ".") {
            out.append("/").append(name);
        }
    }
    path = without_var_run(out);
}

Result<> resolve_argument(SetupStep& step) {
    if (step.kind == SetupKind::kLink || step.kind == SetupKind::kCopy) {
        if (!step.has_argument) {
            step.argument = std::string(kFactory) + step.path;
            step.has_argument = true;
        }
        if (step.kind == SetupKind::kCopy && !step.argument.starts_with('/')) {
            return refuse(step, step.argument, "is no absolute path to copy from");
        }
        if (step.argument.empty() || step.argument.contains('\0')) {
            return refuse(step, step.argument, "is no path");
        }
    }
    return {};
}

bool takes_patterns(SetupKind kind) {
    return kind == SetupKind::kWrite || kind == SetupKind::kAdjustDirectory || kind == SetupKind::kAdjust ||
           kind == SetupKind::kOwn || kind == SetupKind::kRemove || kind == SetupKind::kRemoveTree;
}

bool is_removal(SetupKind kind) { return kind == SetupKind::kRemove || kind == SetupKind::kRemoveTree; }

bool takes_ownership(SetupKind kind) { return kind != SetupKind::kAdjust && kind != SetupKind::kOwn; }

// The mode of what is new, where a line has none.
mode_t default_mode(SetupKind kind) {
    const bool is_directory =
        kind == SetupKind::kMakeDirectory || kind == SetupKind::kEmptyDirectory || kind == SetupKind::kAdjustDirectory;
    return is_directory ? 0755 : 0644;
}

// Whatever their types are. Several lines may append to one file.
bool wants_the_same(const SetupStep& one, const SetupStep& other) {
    const auto wishes = [](const SetupStep& step) {
        return std::tie(step.argument, step.has_argument, step.uid, step.gid, step.mode, step.mode_only_new,
                        step.mode_masked, step.user_only_new, step.group_only_new, step.age);
    };
    const bool append = one.kind == SetupKind::kWrite && one.force && other.kind == SetupKind::kWrite && other.force;
    const bool same_mode = one.mode || default_mode(one.kind) == default_mode(other.kind);
    return append || (same_mode && wishes(one) == wishes(other));
}

bool is_below(std::string_view path, std::string_view top) {
    return path.size() > top.size() && path.starts_with(top) && path[top.size()] == '/';
}

} // namespace

Result<> resolve_setup_step(SetupStep& step, const Specifiers& specifiers, std::string_view passwd,
                            std::string_view group) {
    for (std::string* text : {&step.path, &step.user, &step.group, &step.argument}) {
        if (auto expanded = expand(step, *text, specifiers); !expanded) {
            return expanded;
        }
    }
    if (!step.path.starts_with('/')) {
        return refuse(step, step.path, "is not an absolute path");
    }
    simplify(step.path);
    if (const std::string_view fault = path_fault(step.path.empty() ? "/" : step.path);
        !fault.empty() && !fault.contains("control character")) {
        return refuse(step, step.path.empty() ? "/" : step.path, fault);
    }
    if (!step.user.empty()) {
        const auto uid = user_id(step.user, passwd, step.origin);
        if (!uid) {
            return std::unexpected(uid.error());
        }
        step.uid = *uid;
    }
    if (!step.group.empty()) {
        const auto gid = group_id(step.group, group, step.origin);
        if (!gid) {
            return std::unexpected(gid.error());
        }
        step.gid = *gid;
    }
    return resolve_argument(step);
}

std::vector<SetupStep> in_order_of_work(std::vector<SetupStep> steps) {
    std::vector<SetupStep> kept;
    for (SetupStep& step : steps) {
        const bool conflicts = std::ranges::any_of(kept, [&step](const SetupStep& earlier) {
            return earlier.path == step.path && takes_patterns(earlier.kind) == takes_patterns(step.kind) &&
                   takes_ownership(earlier.kind) && takes_ownership(step.kind) && !wants_the_same(earlier, step);
        });
        if (!conflicts) {
            kept.push_back(std::move(step));
        }
    }
    const auto rank = [](const SetupStep& step) {
        return is_removal(step.kind) ? 0 : !takes_patterns(step.kind) ? 1 : 2;
    };
    sort_few(kept, rank);
    // What is above comes first; else the order stays. A selection over some dozens of lines.
    std::vector<SetupStep> ordered;
    while (!kept.empty()) {
        auto next = kept.begin();
        for (auto candidate = kept.begin(); candidate != kept.end(); ++candidate) {
            if (rank(*candidate) == rank(*next) && is_below(next->path, candidate->path)) {
                next = candidate;
            }
        }
        ordered.push_back(std::move(*next));
        kept.erase(next);
    }
    return ordered;
}

} // namespace stepdown::plan
