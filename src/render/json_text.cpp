#include "render/json_text.hpp"

#include <fmt/format.h>

#include "render/utf8.hpp"

namespace stepdown::render {

void JsonText::line() {
    if (indented_) {
        out_.append("\n").append(2 * open_.size(), ' ');
    }
}

void JsonText::separate() {
    if (!empty_) {
        out_ += ',';
    }
    if (!open_.empty()) {
        line();
    }
    empty_ = false;
}

void JsonText::before_value() {
    if (after_key_) {
        after_key_ = false;
    } else {
        separate();
    }
}

JsonText& JsonText::key(std::string_view name) {
    separate();
    append_quoted(name);
    out_ += indented_ ? ": " : ":";
    after_key_ = true;
    return *this;
}

JsonText& JsonText::begin(char bracket) {
    before_value();
    out_ += bracket;
    open_ += bracket == '{' ? '}' : ']';
    empty_ = true;
    return *this;
}

JsonText& JsonText::end() {
    const char bracket = open_.back();
    open_.pop_back();
    if (!empty_) {
        line();
    }
    out_ += bracket;
    empty_ = false;
    return *this;
}

JsonText& JsonText::text(std::string_view value) {
    before_value();
    append_quoted(value);
    return *this;
}

JsonText& JsonText::number(std::int64_t value) {
    before_value();
    out_ += fmt::format("{}", value);
    return *this;
}

JsonText& JsonText::boolean(bool value) {
    before_value();
    out_ += value ? "true" : "false";
    return *this;
}

JsonText& JsonText::null() {
    before_value();
    out_ += "null";
    return *this;
}

void JsonText::append_quoted(std::string_view value) {
    constexpr std::string_view kLetters = "\b\t\n\f\r\"\\";
    constexpr std::string_view kEscaped = "btnfr\"\\";
    out_ += '"';
    while (!value.empty()) {
        const std::size_t length = utf8_length(value);
        const auto byte = static_cast<unsigned char>(value.front());
        if (const std::size_t letter = kLetters.find(value.front()); letter != std::string_view::npos) {
            out_.append("\\").append(1, kEscaped[letter]);
        } else if (byte < ' ') {
            out_ += fmt::format("\\u{:04x}", byte);
        } else {
            out_ += length == 0 ? "\xef\xbf\xbd" : value.substr(0, length);
        }
        value.remove_prefix(length == 0 ? 1 : length);
    }
    out_ += '"';
}

} // namespace stepdown::render
