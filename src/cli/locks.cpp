#include "cli/locks.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>

namespace stepdown::cli {
namespace {

// What root does to files for the app is one thing under many names, and each of them can give the app a file.
constexpr char kRootsWork[] = "own mkdir state runtime cache logs setup setup-file";
constexpr char kHowItIsDone[] = "own-policy own-allow own-across-mounts";

// Arrays and no pointers: a row of these is nothing that a start relocates.
struct Together {
    char key[12];
    char with[60];
    bool roots_work = false; // too: it makes places writable
};

// clang-format off
constexpr Together kTogether[] = {
    {"user", "user-from user-env"},
    {"seccomp", "seccomp-allow seccomp-deny seccomp-lenient seccomp-learn"},
    {"rootfs", "rw landlock", true},
    {"ro", "rw exec landlock", true},
    {"rw", "ro exec landlock", true},
    {"exec", "ro rw landlock"},
    {"connect", "landlock"},
    {"bind", "landlock"},
    {"scope", "landlock"},
    {"clear-env", "keep-env"},
    {"unset", "env env-file secret secrets-dir"},
    {"secret", "secrets-dir"},
};
// clang-format on

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
    if (floor.empty() || option.loosest_first.empty() || is_list(option.kind)) {
        return false;
    }
    const std::size_t from = place_of(meaning_of(option, floor.front()), option.loosest_first);
    const std::size_t to = place_of(meaning_of(option, value), option.loosest_first);
    return from == 0 || (from != std::string_view::npos && to != std::string_view::npos && to > from);
}

// The value of a source that loosens what is locked; null if none does.
const Given* loosening(const Option& option, const std::vector<std::string>& floor,
                       std::span<const Given* const> given) {
    const auto added = std::ranges::find_if(
        given, [&](const Given* value) { return !gives_way(option, floor, value->setting.value); });
    if (added != given.end() && option.loosest_first != kMoreIsStricter) {
        return *added;
    }
    const bool lost = std::ranges::any_of(floor, [given](const std::string& item) {
        return !std::ranges::contains(given, item, [](const Given* value) { return value->setting.value; });
    });
    return lost && is_list(option.kind) && option.loosest_first != kFewerIsStricter ? given.front() : nullptr;
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

std::string locked_with(std::string_view key) {
    const auto* const row = std::ranges::find(kTogether, key, [](const Together& each) { return each.key; });
    const bool known = row != std::end(kTogether);
    std::string with = known ? row->with : "";
    if ((known && row->roots_work) || place_of(key, kRootsWork) != std::string_view::npos) {
        with.append(with.empty() ? "" : " ").append(kRootsWork).append(" ").append(kHowItIsDone);
    }
    return with;
}

Result<> Locks::check(const Floor& floor, std::span<const Given* const> given) {
    const Given* const loosens = given.empty() ? nullptr : loosening(*floor.option, floor.values, given);
    if (loosens == nullptr) {
        return {};
    }
    std::string why = "would loosen what " + floor.where + " locks";
    if (floor.key != floor.option->name) {
        why.append(" with ").append(floor.key);
    }
    return refuse(loosens->setting.source, floor.option->name, loosens->setting.value,
                  why.append(": ").append(in_words(*floor.option, floor.values)));
}

void Locks::lock(const Option& option, std::string_view key, const std::string& where) {
    Floor floor{.option = &option, .values = {}, .where = where, .key = key};
    for (auto weaker = passed_.rbegin(); weaker != passed_.rend() && floor.values.empty(); ++weaker) {
        for (const Given& value : **weaker) {
            if (value.option == &option) {
                floor.values.push_back(value.setting.value);
            }
        }
    }
    if (floor.values.empty() && !option.fallback.empty()) {
        floor.values.emplace_back(option.fallback);
    }
    floors_.push_back(std::move(floor));
}

Result<> Locks::pass(const std::vector<Given>& source, unsigned commands) {
    for (const Floor& floor : floors_) {
        std::vector<const Given*> of_option;
        for (const Given& given : source) {
            if (given.option == floor.option && (given.option->commands & commands) != 0) {
                of_option.push_back(&given);
            }
        }
        if (auto checked = check(floor, of_option); !checked) {
            return checked;
        }
    }
    passed_.push_back(&source);
    for (const Given& given : source) {
        const Option* option = find_option(given.setting.value); // none: the setter says so
        if (given.option->name != "lock" || given.setting.source.kind != SourceKind::kFile || option == nullptr) {
            continue;
        }
        lock(*option, option->name, given.setting.source.where);
        const std::string with = locked_with(option->name);
        for (const auto word : std::views::split(with, ' ')) {
            if (const Option* too = find_option(std::string_view(word)); too != nullptr && too != option) {
                lock(*too, option->name, given.setting.source.where);
            }
        }
    }
    return {};
}

} // namespace stepdown::cli
