#include "verify/mounts.hpp"

#include <algorithm>
#include <charconv>

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

bool read_number(std::string_view word, int& into) {
    const auto [stop, fault] = std::from_chars(word.data(), word.data() + word.size(), into);
    return fault == std::errc{} && stop == word.data() + word.size();
}

std::optional<Mount> parse_line(std::string_view line) {
    Mount mount;
    if (!read_number(next_word(line), mount.id) || !read_number(next_word(line), mount.parent)) {
        return std::nullopt;
    }
    next_word(line); // the device: a file system that has several tells each file another one
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

bool is_on(const Mount& mount, const Mount& below) { return mount.parent == below.id && mount.id != below.id; }

bool is_outermost(const Mount& mount, const std::vector<Mount>& mounts) {
    return mount.parent == mount.id || !std::ranges::contains(mounts, mount.parent, &Mount::id);
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

bool is_below(std::string_view path, std::string_view folder) {
    return folder == "/" || (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'));
}

const Mount* mount_of(const std::vector<Mount>& mounts, std::string_view path) {
    const Mount* here = nullptr; // at first the outermost, whose parent is not shown
    for (std::size_t steps = 0; steps <= mounts.size(); ++steps) {
        const Mount* next = nullptr; // the first point on the way; what is mounted there last is on top
        for (const Mount& mount : mounts) {
            if (is_below(path, mount.point) && (next == nullptr || mount.point.size() <= next->point.size()) &&
                (here != nullptr ? is_on(mount, *here) : is_outermost(mount, mounts))) {
                next = &mount;
            }
        }
        if (next == nullptr) {
            break;
        }
        here = next;
    }
    return here;
}

} // namespace stepdown::verify
