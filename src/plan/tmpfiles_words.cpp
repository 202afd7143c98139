#include "plan/tmpfiles_words.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace stepdown::plan {
namespace {

constexpr std::string_view kBlanks = " \t\n\r";

struct Escape {
    char letter;
    char byte;
};
constexpr Escape kEscapes[] = {{'a', '\a'}, {'b', '\b'}, {'f', '\f'},  {'n', '\n'}, {'r', '\r'}, {'t', '\t'},
                               {'v', '\v'}, {'s', ' '},  {'\\', '\\'}, {'"', '"'},  {'\'', '\''}};

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    }
}

// Exactly count digits of that base, taken off text.
std::optional<std::uint32_t> take_digits(std::string_view& text, std::size_t count, int base) {
    std::uint32_t value = 0;
    if (text.size() < count) {
        return std::nullopt;
    }
    const char* const end = text.data() + count;
    const auto [stop, fault] = std::from_chars(text.data(), end, value, base);
    if (fault != std::errc() || stop != end || value == 0) {
        return std::nullopt;
    }
    text.remove_prefix(count);
    return value;
}

// text begins behind the backslash.
bool take_escape(std::string_view& text, std::string& out) {
    constexpr std::uint32_t kLastCode = 0x10ffff;
    if (text.empty()) {
        return false;
    }
    const char letter = text.front();
    if (const auto known = std::ranges::find(kEscapes, letter, &Escape::letter); known != std::end(kEscapes)) {
        text.remove_prefix(1);
        out += known->byte;
        return true;
    }
    if (letter >= '0' && letter <= '7') {
        const auto value = take_digits(text, 3, 8);
        if (!value || *value > 0xff) {
            return false;
        }
        out += static_cast<char>(*value);
        return true;
    }
    text.remove_prefix(1);
    const std::size_t count = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    const auto value = count == 0 ? std::nullopt : take_digits(text, count, 16);
    const bool surrogate = value && *value >= 0xd800 && *value <= 0xdfff;
    if (!value || (letter != 'x' && (*value > kLastCode || surrogate))) {
        return false;
    }
    if (letter == 'x') {
        out += static_cast<char>(*value);
    } else {
        append_utf8(out, *value);
    }
    return true;
}

} // namespace

std::optional<std::string> take_word(std::string_view& line, WordFault& fault) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty()) {
        return std::nullopt;
    }
    std::string word;
    char quote = 0;
    while (!line.empty() && (quote != 0 || !kBlanks.contains(line.front()))) {
        const char letter = line.front();
        line.remove_prefix(1);
        if (letter == '\\') {
            if (!take_escape(line, word)) {
                fault.why = "has a backslash that begins no C escape";
                return std::nullopt;
            }
        } else if (quote == 0 ? letter == '"' || letter == '\'' : letter == quote) {
            quote = quote == 0 ? letter : '\0';
        } else {
            word += letter;
        }
    }
    if (quote != 0) {
        fault.why = "has a quote that does not end";
        return std::nullopt;
    }
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    return word;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const char letter = text.front();
        text.remove_prefix(1);
        if (letter != '\\') {
            out += letter;
        } else if (!take_escape(text, out)) {
            return std::nullopt;
        }
    }
    return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    int padding = 0;
    for (const char letter : text) {
        if (kBlanks.contains(letter)) {
            continue;
        }
        const std::size_t value = letter == '=' ? 0 : kAlphabet.find(letter);
        padding += letter == '=' ? 1 : 0;
        if (value == std::string_view::npos || padding > 2 || (padding > 0 && letter != '=')) {
            return std::nullopt;
        }
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        if (++count == 4) {
            for (int byte = 0; byte < 3 - padding; ++byte) {
                out += static_cast<char>(bits >> (16 - 8 * byte) & 0xff);
            }
            bits = 0;
            count = 0;
        }
    }
    return count == 0 ? std::optional(out) : std::nullopt;
}

} // namespace stepdown::plan
