#include "cli/front_end.hpp"

#include <algorithm>
#include <utility>

namespace stepdown::cli {
namespace {

constexpr FrontEnd kFrontEnds[] = {
    {"tini", tini_line},           {"tini-static", tini_line}, {"dumb-init", dumb_init_line},
    {"catatonit", catatonit_line}, {"gosu", gosu_line},        {"su-exec", su_exec_line},
};

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

} // namespace

std::span<const FrontEnd> front_ends() { return kFrontEnds; }

const FrontEnd* find_front_end(std::string_view name) {
    const auto found = std::ranges::find(kFrontEnds, name, &FrontEnd::name);
    return found == std::end(kFrontEnds) ? nullptr : found;
}

WhichFrontEnd which_front_end(int argc, const char* const* argv, std::string_view installed_as) {
    if (argc < 1) {
        return {};
    }
    const FrontEnd* front = find_front_end(installed_as.empty() ? last_component(argv[0]) : installed_as);
    if (front != nullptr || argc < 2) {
        return {front, 1};
    }
    return {find_front_end(argv[1]), 2};
}

std::optional<OptionWalk::Found> OptionWalk::next() {
    if (letters_.empty()) {
        if (at_ == words_.size()) {
            return std::nullopt;
        }
        const std::string_view word = words_[at_];
        if (word.size() < 2 || word.front() != '-') {
            return std::nullopt;
        }
        ++at_;
        if (word == "--") {
            ended_by_dashes_ = true;
            return std::nullopt;
        }
        if (word.starts_with("--")) {
            return by_name(word);
        }
        letters_ = word.substr(1);
    }
    return by_letter();
}

OptionWalk::Found OptionWalk::by_letter() {
    const std::string_view letter = letters_.substr(0, 1);
    letters_.remove_prefix(1);
    const auto option = std::ranges::find(options_, letter.front(), &FrontOption::letter);
    if (option == options_.end()) {
        return {kUnknown, {}, letter};
    }
    return option->has_value ? with_value(*option, std::exchange(letters_, {}), letter)
                             : Found{option->letter, {}, letter};
}

// By its whole name, or by as much of it as is no other's.
OptionWalk::Found OptionWalk::by_name(std::string_view word) {
    const std::string_view name = word.substr(2, word.find('=') == word.npos ? word.npos : word.find('=') - 2);
    const bool has_value = name.size() + 2 < word.size();
    const FrontOption* meant = nullptr;
    for (const FrontOption& option : options_) {
        if (option.name == name) {
            meant = &option;
            break;
        }
        if (!name.empty() && option.name.starts_with(name)) {
            if (meant != nullptr) {
                return {kUnknown, {}, word};
            }
            meant = &option;
        }
    }
    if (meant == nullptr || (has_value && !meant->has_value)) {
        return {kUnknown, {}, word};
    }
    const std::string_view value = has_value ? word.substr(name.size() + 3) : std::string_view();
    return meant->has_value && !has_value ? with_value(*meant, {}, word) : Found{meant->letter, value, word};
}

OptionWalk::Found OptionWalk::with_value(const FrontOption& option, std::string_view value, std::string_view word) {
    if (!value.empty()) {
        return {option.letter, value, word};
    }
    return at_ == words_.size() ? Found{kNoValue, {}, word} : Found{option.letter, words_[at_++], word};
}

const char* variable(const Words& words, std::string_view name) {
    for (const char* const* entry = words.environment; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        if (text.starts_with(name) && text.size() > name.size() && text[name.size()] == '=') {
            return *entry + name.size() + 1;
        }
    }
    return nullptr;
}

void ask(FrontLine& line, std::string_view option, std::string value, std::string_view where) {
    line.given.push_back(
        {find_option(option), {std::string(option), std::move(value), {SourceKind::kFlag, std::string(where)}}});
}

std::vector<std::string> app_of(const OptionWalk& walk, const Words& words) {
    std::vector<std::string> app = walk.rest();
    if (!walk.ended_by_dashes() && app.size() > 1 && app[1] == "--" && variable(words, "POSIXLY_CORRECT") == nullptr) {
        app.erase(app.begin() + 1);
    }
    return app;
}

FrontLine end_with(FrontLine line, int status, std::string text, bool to_error) {
    line.ends = true;
    line.status = status;
    line.text = std::move(text);
    line.to_error = to_error;
    return line;
}

Result<Parsed> parse_front_line(FrontLine line, const Words& words) {
    const bool user_named =
        std::ranges::contains(line.given, "user", [](const Given& one) { return one.option->name; });
    Result<Parsed> parsed = complete(std::move(line.parsed), std::move(line.given), std::move(line.app), words);
    if (parsed && !parsed->plan.init) { // a command beside the start, not the start
        Plan& plan = parsed->plan;
        plan.setup.clear();
        plan.setup_files.clear();
        plan.sockets.clear();
        plan.secrets.clear();
        plan.hooks = {};
        plan.wait_for.clear();
        plan.account_name.clear();
    }
    if (!parsed || user_named) {
        return parsed;
    }
    parsed->plan.as_is = std::ranges::none_of(parsed->plan.settings, [](const Setting& setting) {
        const Stage stage = find_option(setting.name)->stage;
        return stage != Stage::kSupervise && stage != Stage::kReceipt && stage != Stage::kReport &&
               stage != Stage::kGeneral;
    });
    return parsed;
}

} // namespace stepdown::cli
