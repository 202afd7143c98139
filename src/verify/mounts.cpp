#include "verify/mounts.hpp"

#include <algorithm>
#include <charconv>

#include <sys/sysmacros.h>

namespace stepdown::verify {
namespace {

std::string_view next_word(std::string_view& rest) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
}

// Blanks, tabs, newlines and backslashes are three octal digits behind a backslash.
std::string unescape(std::string_view word) {
    std::string plain;
    for (std::size_t i = 0; i < word.size(); ++i) {
        unsigned code = 0;
        const char* const from = word.data() + i + 1;
        if (word[i] == '\\' && i + 3 < word.size() && std::from_chars(from, from + 3, code, 8).ptr == from + 3 &&
            code < 256) {
            plain += static_cast<char>(code);
            i += 3;
        } else {
            plain += word[i];
        }
    }
    return plain;
}

bool has(std::string_view options, std::string_view option) {
    while (!options.empty()) {
        const std::string_view one = options.substr(0, options.find(','));
        if (one == option) {
            return true;
        }
        options.remove_prefix(std::min(one.size() + 1, options.size()));
    }
    return false;
}

bool read_device(std::string_view word, dev_t& into) {
    unsigned numbers[2] = {};
    const char* const end = word.data() + word.size();
    const auto [colon, fault] = std::from_chars(word.data(), end, numbers[0]);
    if (fault != std::errc{} || colon == end || *colon != ':') {
        return false;
    }
    const auto [stop, error] = std::from_chars(colon + 1, end, numbers[1]);
    into = makedev(numbers[0], numbers[1]);
    return error == std::errc{} && stop == end;
}

std::optional<Mount> parse_line(std::string_view line) {
    next_word(line); // its number
    next_word(line); // its parent's
    Mount mount;
    if (!read_device(next_word(line), mount.device)) {
        return std::nullopt;
    }
    mount.root = unescape(next_word(line));
    mount.point = unescape(next_word(line));
    const std::string_view options = next_word(line);
    while (!line.empty() && next_word(line) != "-") { // optional fields, any number
    }
    mount.type = next_word(line);
    next_word(line); // source
    const std::string_view of_file_system = next_word(line);
    if (!mount.point.starts_with('/') || options.empty() || of_file_system.empty()) {
        return std::nullopt;
    }
    mount.read_only = has(options, "ro") || has(of_file_system, "ro");
    mount.no_exec = has(options, "noexec");
    return mount;
}

bool leads_to(std::string_view point, std::string_view path) {
    return point == "/" || (path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/'));
}

} // namespace

std::optional<std::vector<Mount>> parse_mounts(std::string_view text) {
    std::vector<Mount> mounts;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        auto mount = end == std::string_view::npos ? std::nullopt : parse_line(text.substr(0, end));
        if (!mount) {
            return std::nullopt;
        }
        mounts.push_back(std::move(*mount));
        text.remove_prefix(end + 1);
    }
    return mounts.empty() ? std::nullopt : std::optional(std::move(mounts));
}

const Mount* mount_of(const std::vector<Mount>& mounts, std::string_view path) {
    const Mount* best = nullptr;
    for (const Mount& mount : mounts) { // a later one is on top of an earlier one at the same point
        if (leads_to(mount.point, path) && (best == nullptr || mount.point.size() >= best->point.size())) {
            best = &mount;
        }
    }
    return best;
}

} // namespace stepdown::verify
