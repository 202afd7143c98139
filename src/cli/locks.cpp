#include "cli/locks.hpp"

#include <algorithm>

namespace stepdown::cli {
namespace {

// The place of a word in "loose strict stricter"; past the end if it is not there.
std::size_t place_of(std::string_view word, std::string_view words) {
    for (std::size_t place = 0;; ++place) {
        const std::size_t end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) {
            return place;
        }
        if (end == words.size()) {
            return std::string_view::npos;
        }
        words.remove_prefix(end + 1);
    }
}

// The words a flag may be written with are many; its meanings are two.
std::string_view meaning_of(const Option& option, std::string_view value) {
    if (option.kind == Kind::kFlag) {
        return value == "1" || value == "yes" ? "true" : value == "0" || value == "no" ? "false" : value;
    }
    return value;
}

bool gives_way(const Option& option, const std::vector<std::string>& floor, std::string_view value) {
    if (std::ranges::contains(floor, meaning_of(option, value),
                              [&option](const std::string& item) { return meaning_of(option, item); })) {
        return true;
    }
    if (floor.empty() || option.loosest_first.empty()) {
        return false;
    }
    const std::size_t from = place_of(meaning_of(option, floor.front()), option.loosest_first);
    const std::size_t to = place_of(meaning_of(option, value), option.loosest_first);
    return from == 0 || (from != std::string_view::npos && to != std::string_view::npos && to > from);
}

std::string in_words(const Option& option, const std::vector<std::string>& values) {
    std::string text(option.name);
    if (values.empty()) {
        return text.append(" unset");
    }
    text.append(" = ");
    for (const std::string& value : values) {
        text.append(&value == values.data() ? "\"" : ", \"").append(value).append("\"");
    }
    return text;
}

} // namespace

Result<> Locks::check(const Given& given) const {
    for (const Floor& floor : floors_) {
        if (floor.option == given.option && !gives_way(*given.option, floor.values, given.setting.value)) {
            return refuse(given.setting.source, given.option->name, given.setting.value,
                          "would loosen what " + floor.where + " locks: " + in_words(*floor.option, floor.values));
        }
    }
    return {};
}

Result<> Locks::pass(const std::vector<Given>& source, unsigned commands) {
    for (const Given& given : source) {
        if ((given.option->commands & commands) != 0) {
            if (auto checked = check(given); !checked) {
                return checked;
            }
        }
    }
    passed_.push_back(&source);
    for (const Given& given : source) {
        if (given.option->name != "lock" || given.setting.source.kind != SourceKind::kFile) {
            continue;
        }
        const Option* option = find_option(given.setting.value);
        if (option == nullptr) {
            continue; // the setter says so
        }
        Floor floor{.option = option, .values = {}, .where = given.setting.source.where};
        for (auto weaker = passed_.rbegin(); weaker != passed_.rend() && floor.values.empty(); ++weaker) {
            for (const Given& value : **weaker) {
                if (value.option == option) {
                    floor.values.push_back(value.setting.value);
                }
            }
        }
        if (floor.values.empty() && !option->fallback.empty()) {
            floor.values.emplace_back(option->fallback);
        }
        floors_.push_back(std::move(floor));
    }
    return {};
}

} // namespace stepdown::cli
