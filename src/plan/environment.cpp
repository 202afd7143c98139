#include "plan/environment.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace stepdown::plan {
namespace {

constexpr std::string_view kOfTheUser[] = {"HOME=", "USER=", "LOGNAME=", "SHELL="};

bool is_of_the_user(std::string_view entry) {
    return std::ranges::any_of(kOfTheUser, [entry](std::string_view name) { return entry.starts_with(name); });
}

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

} // namespace

Environment app_environment(const char* const* old, const std::optional<Identity>& identity) {
    Environment result;
    std::size_t count = 0;
    while (old[count] != nullptr) {
        ++count;
    }
    result.entries.reserve(count + std::size(kOfTheUser) + 1);
    std::copy_if(old, old + count, std::back_inserter(result.entries),
                 [&identity](const char* entry) { return !identity || !is_of_the_user(entry); });
    if (identity) {
        const std::string name = identity->user_name.empty() ? std::to_string(identity->uid) : identity->user_name;
        const std::string_view values[] = {identity->home, name, name, identity->shell};
        std::size_t starts[std::size(kOfTheUser)];
        for (std::size_t i = 0; i < std::size(kOfTheUser); ++i) {
            starts[i] = result.text.size();
            result.text.append_range(kOfTheUser[i]);
            result.text.append_range(values[i]);
            result.text.push_back('\0');
        }
        for (const std::size_t start : starts) { // the text moves no more
            result.entries.push_back(result.text.data() + start);
        }
    }
    result.entries.push_back(nullptr);
    return result;
}

bool is_variable_name(std::string_view name) {
    const auto is_letter = [](char byte) {
        return byte == '_' || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    };
    const auto is_fine = [is_letter](char byte) { return is_letter(byte) || (byte >= '0' && byte <= '9'); };
    return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, is_fine);
}

Result<std::vector<Variable>> read_variables(std::string_view text, std::string_view where) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    std::vector<Variable> variables;
    text.remove_prefix(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
    for (std::size_t number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        line.remove_suffix(line.ends_with('\r') ? 1 : 0);
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty() || line.front() == '#') {
            continue;
        }
        const std::size_t equals = line.find('=');
        Variable variable{.name = std::string(line.substr(0, equals)), .value = std::nullopt};
        if (variable.name.empty() || variable.name.find_first_of(" \t\v\f") != std::string::npos ||
            line.contains('\0')) {
            return fail(ExitCode::kUsage, std::string(where) + ":" + std::to_string(number) +
                                              ": is neither NAME=VALUE nor NAME, with a NAME without blanks");
        }
        if (equals != std::string_view::npos) {
            variable.value = line.substr(equals + 1);
        }
        variables.push_back(std::move(variable));
    }
    return variables;
}

Environment app_environment(const char* const* old, const std::optional<Identity>& identity,
                            const EnvironmentRules& rules, std::span<const Variable> changes) {
    if (!rules.clear && changes.empty()) {
        return app_environment(old, identity);
    }
    std::vector<const char*> inherited;
    for (; *old != nullptr; ++old) {
        if (!rules.clear || std::ranges::contains(rules.keep, name_of(*old))) {
            inherited.push_back(*old);
        }
    }
    inherited.push_back(nullptr);
    const Environment base = app_environment(inherited.data(), identity);
    std::vector<std::string> entries(base.entries.begin(), base.entries.end() - 1);
    for (const auto& [name, value] : changes) {
        std::erase_if(entries, [&name](const std::string& entry) { return name_of(entry) == name; });
        if (value) {
            entries.push_back(name + "=" + *value);
        }
    }
    Environment result;
    std::vector<std::size_t> starts;
    for (const std::string& entry : entries) {
        starts.push_back(result.text.size());
        result.text.append_range(entry);
        result.text.push_back('\0');
    }
    for (const std::size_t start : starts) { // the text moves no more
        result.entries.push_back(result.text.data() + start);
    }
    result.entries.push_back(nullptr);
    return result;
}

} // namespace stepdown::plan
