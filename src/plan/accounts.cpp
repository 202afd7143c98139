#include "plan/accounts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace stepdown::plan {
namespace {

bool is_control(char byte) { return static_cast<unsigned char>(byte) < ' ' || byte == '\x7f'; }

// Exactly N fields, or nothing.
template <std::size_t N> std::optional<std::array<std::string_view, N>> split(std::string_view line) {
    if (std::ranges::any_of(line, is_control) || std::ranges::count(line, ':') != N - 1) {
        return std::nullopt;
    }
    std::array<std::string_view, N> fields;
    for (std::string_view& field : fields) {
        field = line.substr(0, line.find(':'));
        line.remove_prefix(std::min(field.size() + 1, line.size()));
    }
    return fields;
}

bool is_account_name(std::string_view name) {
    constexpr std::string_view kNeverFirst = "+-#";
    return !name.empty() && !kNeverFirst.contains(name.front()) && !name.contains(' ');
}

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

// The fields that entries are looked up by.
constexpr std::size_t kName = 0;
constexpr std::size_t kId = 2;

bool has(std::string_view line, std::size_t field, std::string_view value) {
    for (; field > 0; --field) {
        line.remove_prefix(std::min(line.find(':'), line.size() - 1) + 1);
    }
    return line.starts_with(value) && line.substr(value.size()).starts_with(':');
}

// Only a line that has the value where it belongs is parsed: an id can be written in one way.
template <auto Parse>
auto find_entry(std::string_view text, std::size_t field, std::string_view value) -> decltype(Parse(text)) {
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (!line.empty() && has(line, field, value)) {
            if (const auto entry = Parse(line)) {
                return entry;
            }
        }
    }
    return std::nullopt;
}

template <auto Parse> std::size_t find_malformed(std::string_view text, std::string_view name) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view line = take_line(text);
        if (line.substr(0, line.find(':')) == name && !Parse(line)) {
            return number;
        }
    }
    return 0;
}

} // namespace

std::optional<std::uint32_t> parse_id(std::string_view text) {
    constexpr std::uint32_t kUnchanged = 0xffff'ffff;
    std::uint32_t id = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data(), end, id); // takes no blank, sign or prefix
    if (fault != std::errc() || stop != end || id == kUnchanged || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    return id;
}

std::optional<Account> parse_account(std::string_view line) {
    const auto fields = split<7>(line);
    if (!fields || !is_account_name((*fields)[0])) {
        return std::nullopt;
    }
    const auto uid = parse_id((*fields)[2]);
    const auto gid = parse_id((*fields)[3]);
    if (!uid || !gid) {
        return std::nullopt;
    }
    return Account{(*fields)[0], *uid, *gid, (*fields)[5], (*fields)[6]};
}

std::optional<Group> parse_group(std::string_view line) {
    const auto fields = split<4>(line);
    if (!fields || !is_account_name((*fields)[0])) {
        return std::nullopt;
    }
    const auto gid = parse_id((*fields)[2]);
    if (!gid) {
        return std::nullopt;
    }
    return Group{(*fields)[0], *gid, (*fields)[3]};
}

std::optional<Account> find_user(std::string_view passwd, std::string_view name) {
    return find_entry<parse_account>(passwd, kName, name);
}

std::optional<Account> find_user(std::string_view passwd, uid_t uid) {
    return find_entry<parse_account>(passwd, kId, std::to_string(uid));
}

std::optional<Group> find_group(std::string_view group, std::string_view name) {
    return find_entry<parse_group>(group, kName, name);
}

std::size_t malformed_user(std::string_view passwd, std::string_view name) {
    return find_malformed<parse_account>(passwd, name);
}

std::size_t malformed_group(std::string_view group, std::string_view name) {
    return find_malformed<parse_group>(group, name);
}

} // namespace stepdown::plan
