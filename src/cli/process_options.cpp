#include "cli/setters.hpp"

#include <algorithm>
#include <charconv>

#include <sys/resource.h>

#include "cli/values.hpp"
#include "plan/environment.hpp"
#include "plan/limit_names.hpp"

namespace stepdown::cli {
namespace {

std::optional<std::uint64_t> limit_value(std::string_view text) {
    return text == "unlimited" ? std::optional(std::uint64_t{RLIM_INFINITY}) : whole_number<std::uint64_t>(text);
}

Result<> set_number(std::optional<int>& target, int least, int most, std::string_view name, std::string_view value,
                    const Source& source) {
    const std::optional<int> number = whole_number<int>(value);
    if (!number || *number < least || *number > most) {
        return refuse(source, name, value,
                      "is no whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    target = number;
    return {};
}

Result<> check_name(std::string_view name, std::string_view option, std::string_view value, const Source& source) {
    return plan::is_variable_name(name)
               ? Result<>()
               : refuse(source, option, value, "does not begin with a variable's name: letters, digits and _");
}

} // namespace

Result<> apply_umask(Parsed& parsed, std::string_view value, const Source& source) {
    const std::optional<std::uint32_t> mask = octal_mode(value);
    if (!mask || *mask > 0777) {
        return refuse(source, "umask", value, "is no mask of three or four octal digits, as 0027");
    }
    parsed.plan.process.umask = mask;
    return {};
}

Result<> apply_rlimit(Parsed& parsed, std::string_view value, const Source& source) {
    const std::size_t equals = std::min(value.find('='), value.size());
    const std::optional<int> resource = plan::limit_number(value.substr(0, equals));
    if (!resource || equals == value.size()) {
        return refuse(source, "rlimit", value, "is not NAME=SOFT[:HARD] with a NAME of " + plan::limit_names());
    }
    const std::string_view numbers = value.substr(equals + 1);
    const std::size_t colon = numbers.find(':');
    const auto soft = limit_value(numbers.substr(0, colon));
    const auto hard = colon == std::string_view::npos ? soft : limit_value(numbers.substr(colon + 1));
    if (!soft || !hard || *soft > *hard) {
        return refuse(source, "rlimit", value,
                      "has no limits after the equals sign: numbers or unlimited, the soft one not above the hard one");
    }
    parsed.plan.process.limits.push_back({*resource, *soft, *hard});
    return {};
}

Result<> apply_cwd(Parsed& parsed, std::string_view value, const Source& source) {
    if (value != "/") {
        if (auto checked = check_path(value, "cwd", value, source); !checked) {
            return checked;
        }
    }
    parsed.plan.process.directory = value;
    return {};
}

Result<> apply_nice(Parsed& parsed, std::string_view value, const Source& source) {
    return set_number(parsed.plan.process.nice, -20, 19, "nice", value, source);
}

Result<> apply_oom_score_adj(Parsed& parsed, std::string_view value, const Source& source) {
    return set_number(parsed.plan.process.oom_score_adj, -1000, 1000, "oom-score-adj", value, source);
}

Result<> apply_own_stdio(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.process.own_stdio, true, "own-stdio", value, source);
}

Result<> apply_keep_fd(Parsed& parsed, std::string_view value, const Source& source) {
    std::optional<int> number;
    if (auto set = set_number(number, 3, 1'048'575, "keep-fd", value, source); !set) {
        return set;
    }
    std::vector<int>& kept = parsed.plan.process.keep_fds;
    if (const auto place = std::ranges::lower_bound(kept, *number); place == kept.end() || *place != *number) {
        kept.insert(place, *number);
    }
    return {};
}

Result<> apply_env(Parsed& parsed, std::string_view value, const Source& source) {
    const std::size_t equals = value.find('=');
    if (equals == std::string_view::npos) {
        return refuse(source, "env", value, "has no equals sign: write NAME=VALUE");
    }
    if (auto checked = check_name(value.substr(0, equals), "env", value, source); !checked) {
        return checked;
    }
    std::string name(value.substr(0, equals));
    if (const std::string_view folder = folder_told_in(name); !folder.empty() && was_given(parsed, folder)) {
        return refuse(source, "env", value, "sets what --" + std::string(folder) + " tells: leave one out");
    }
    parsed.plan.environment.changes.push_back({std::move(name), std::string(value.substr(equals + 1))});
    return {};
}

Result<> apply_unset(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_name(value, "unset", value, source); !checked) {
        return checked;
    }
    parsed.plan.environment.changes.push_back({std::string(value), std::nullopt});
    return {};
}

Result<> apply_env_file(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, "env-file", value, source); !checked) {
        return checked;
    }
    parsed.plan.environment.files.emplace_back(value);
    return {};
}

Result<> apply_clear_env(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.environment.clear, true, "clear-env", value, source);
}

Result<> apply_keep_env(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_name(value, "keep-env", value, source); !checked) {
        return checked;
    }
    parsed.plan.environment.keep.emplace_back(value);
    return {};
}

} // namespace stepdown::cli
