#include "cli/values.hpp"

#include <algorithm>

#include "plan/path.hpp"

namespace stepdown::cli {

bool was_given(const Parsed& parsed, std::string_view option, std::string_view beginning) {
    return std::ranges::any_of(parsed.plan.settings, [option, beginning](const Setting& setting) {
        return setting.name == option && setting.value.starts_with(beginning);
    });
}

Result<> check_path(std::string_view path, std::string_view name, std::string_view value, const Source& source) {
    if (const std::string_view fault = plan::path_fault(path); !fault.empty()) {
        return refuse(source, name, value, fault);
    }
    return {};
}

Result<> set_word_or_path(std::string& target, std::initializer_list<std::string_view> words, std::string_view name,
                          std::string_view value, const Source& source) {
    if (!std::ranges::contains(words, value)) {
        if (value.front() != '/') {
            std::string known;
            for (const std::string_view word : words) {
                known.append(word).append(", ");
            }
            return refuse(source, name, value, "is not one of " + known + "or an absolute path");
        }
        if (auto checked = check_path(value, name, value, source); !checked) {
            return checked;
        }
    }
    target = value;
    return {};
}

std::optional<std::uint32_t> octal_mode(std::string_view text) {
    std::uint32_t mode = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data(), end, mode, 8);
    const std::size_t digits = text.starts_with('0') ? text.size() - 1 : text.size(); // 0755, 03775
    const bool good = text.size() >= 3 && digits <= 4 && fault == std::errc() && stop == end;
    return good ? std::optional(mode) : std::nullopt;
}

Result<> set_bool(bool& target, bool when_true, std::string_view name, std::string_view value, const Source& source) {
    if (value == "true" || value == "1" || value == "yes") {
        target = when_true;
    } else if (value == "false" || value == "0" || value == "no") {
        target = !when_true;
    } else {
        return refuse(source, name, value, "is neither true, 1, yes nor false, 0, no");
    }
    return {};
}

} // namespace stepdown::cli
