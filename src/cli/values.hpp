#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "cli/options.hpp"

// The kinds of value that several options share.
namespace stepdown::cli {

// Whether a value of that option, with that beginning, was taken before this one.
bool was_given(const Parsed& parsed, std::string_view option, std::string_view beginning = {});

// "state" for STATE_DIRECTORY: the option that tells the app a folder in this variable; empty if there is none.
std::string_view folder_told_in(std::string_view variable);

template <class T> struct Choice {
    std::string_view word;
    T value;
};

// One of a few words.
template <class T, std::size_t N>
Result<> set_choice(T& target, const Choice<T> (&choices)[N], std::string_view name, std::string_view value,
                    const Source& source) {
    std::string words;
    for (const Choice<T>& choice : choices) {
        if (choice.word == value) {
            target = choice.value;
            return {};
        }
        words.append(words.empty() ? "" : ", ").append(choice.word);
    }
    return refuse(source, name, value, "is not one of " + words);
}

// An absolute path without ".." components. `value` is what was written, of which path may be a part.
Result<> check_path(std::string_view path, std::string_view name, std::string_view value, const Source& source);

// A few fixed words, or else an absolute path.
Result<> set_word_or_path(std::string& target, std::initializer_list<std::string_view> words, std::string_view name,
                          std::string_view value, const Source& source);

// A decimal number and nothing else; a sign only for a signed type.
template <class Number> std::optional<Number> whole_number(std::string_view text) {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data(), end, number);
    return fault == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

// Three or four octal digits, and a zero before them if it is written.
std::optional<std::uint32_t> octal_mode(std::string_view text);

// true, 1, yes or false, 0, no.
Result<> set_bool(bool& target, bool when_true, std::string_view name, std::string_view value, const Source& source);

// systemd.time(7)'s spans down to a millisecond: "10s", "500ms", "2min 30s", "1h"; a number alone is seconds. Whole
// numbers, no more than a year in all.
std::optional<std::chrono::milliseconds> time_span(std::string_view text);

} // namespace stepdown::cli
