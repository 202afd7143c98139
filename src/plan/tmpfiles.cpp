#include "plan/tmpfiles.hpp"

#include <algorithm>
#include <charconv>

#include "plan/groups.hpp"
#include "plan/path.hpp"
#include "plan/tmpfiles_words.hpp"

namespace stepdown::plan {
namespace {

struct Type {
    char letter;
    SetupKind kind;
    bool has_argument; // with C escapes
};

constexpr Type kTypes[] = {
    {'f', SetupKind::kFile, true},
    {'w', SetupKind::kWrite, true},
    {'d', SetupKind::kMakeDirectory, false},
    {'D', SetupKind::kEmptyDirectory, false},
    {'e', SetupKind::kAdjustDirectory, false},
    {'L', SetupKind::kLink, true},
    {'C', SetupKind::kCopy, true},
    {'p', SetupKind::kFifo, false},
    {'z', SetupKind::kAdjust, false},
    {'m', SetupKind::kAdjust, false},
    {'Z', SetupKind::kOwn, false},
    {'r', SetupKind::kRemove, false},
    {'R', SetupKind::kRemoveTree, false},
};

struct OtherType {
    std::string_view letters;
    std::string_view why;
};

constexpr OtherType kOtherTypes[] = {
    {"F", "is an old name: write f+"},
    {"vqQ", "makes a btrfs subvolume, which is the host's: write d"},
    {"bc", "makes a device, which is the container engine's: docker run --device"},
    {"xX", "keeps files from being cleaned, and nothing is cleaned here: leave it out"},
    {"tThHaA", "sets attributes that a container's file system need not have: do it when the image is built"},
};

const Type& type_of(SetupKind kind) { return *std::ranges::find(kTypes, kind, &Type::kind); }

constexpr bool is_empty(std::string_view field) { return field.empty() || field == "-"; }

struct Line {
    std::string_view text;
    std::string_view where;

    std::unexpected<Error> refuse(std::string_view why) const {
        return fail(ExitCode::kUsage, std::string(where).append(": \"").append(text).append("\" ").append(why));
    }
    std::unexpected<Error> refuse(std::string_view field, std::string_view value, std::string_view why) const {
        return refuse(std::string("has a ").append(field).append(" \"").append(value).append("\" that ").append(why));
    }
};

Result<> read_type(const Line& line, std::string_view word, SetupStep& step, bool& base64) {
    const auto known = std::ranges::find(kTypes, word.front(), &Type::letter);
    if (known == std::end(kTypes)) {
        for (const auto& [letters, why] : kOtherTypes) {
            if (letters.contains(word.front())) {
                return line.refuse("type", word, why);
            }
        }
        return line.refuse("type", word, "is none of f w d D e L C p z Z m r R");
    }
    step.kind = known->kind;
    std::string_view seen;
    for (std::string_view rest = word.substr(1); !rest.empty(); rest.remove_prefix(1)) {
        const char modifier = rest.front();
        seen = word.substr(1, word.size() - 1 - rest.size());
        if (seen.contains(modifier)) {
            return line.refuse("type", word, "has a modifier twice");
        }
        switch (modifier) {
        case '!':
            break; // only at boot: this is one
        case '-':
            step.may_fail = true;
            break;
        case '=':
            step.replace_others = true;
            break;
        case '+':
            step.force = true;
            break;
        case '~':
            base64 = true;
            break;
        default:
            return line.refuse("type", word, "has a modifier other than ! - = + ~");
        }
    }
    if (base64 && step.kind != SetupKind::kFile && step.kind != SetupKind::kWrite) {
        return line.refuse("type", word, "has the modifier ~, which only f and w take");
    }
    return {};
}

Result<> read_mode(const Line& line, std::string_view word, SetupStep& step) {
    constexpr std::uint32_t kPermissionBits = 07777;
    if (is_empty(word)) {
        return {};
    }
    std::string_view digits = word;
    for (; !digits.empty() && (digits.front() == '~' || digits.front() == ':'); digits.remove_prefix(1)) {
        (digits.front() == '~' ? step.mode_masked : step.mode_only_new) = true;
    }
    std::uint32_t mode = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, fault] = std::from_chars(digits.data(), end, mode, 8);
    if (fault != std::errc() || stop != end || mode > kPermissionBits) {
        return line.refuse("mode", word, "is not octal up to 7777, with ~ or : before it");
    }
    step.mode = mode;
    return {};
}

void read_owner(std::string_view word, std::string& name, bool& only_new) {
    if (is_empty(word)) {
        return;
    }
    only_new = word.starts_with(':');
    name = word.substr(only_new ? 1 : 0);
}

// [~][abcmABCM...:]TIME. There is no cleaning, so it is only to be no mistake.
bool is_age(std::string_view word) {
    constexpr std::string_view kSpan = "0123456789. abcdefghijklmnopqrstuvwxyzM";
    if (const std::size_t colon = word.find(':'); colon != std::string_view::npos) {
        if (word.substr(0, colon).find_first_not_of("abcmABCM") != std::string_view::npos || colon == 0) {
            return false;
        }
        word.remove_prefix(colon + 1);
    }
    word.remove_prefix(word.starts_with('~') ? 1 : 0);
    return !word.empty() && word.find_first_not_of(kSpan) == std::string_view::npos &&
           word.find_first_of("0123456789") == 0;
}

Result<> read_argument(const Line& line, std::string_view text, bool base64, SetupStep& step) {
    if (is_empty(text)) {
        return step.kind == SetupKind::kWrite ? Result<>(line.refuse("has no argument to write")) : Result<>();
    }
    if (!type_of(step.kind).has_argument) {
        return {};
    }
    auto argument = base64 ? decode_base64(text) : unescape(text);
    if (!argument) {
        return line.refuse("argument", text, base64 ? "is not base64" : "has a backslash that begins no C escape");
    }
    step.argument = std::move(*argument);
    step.has_argument = true;
    if (base64) { // specifiers are not replaced in it
        std::string doubled;
        for (const char byte : step.argument) {
            doubled.append(byte == '%' ? "%%" : std::string(1, byte));
        }
        step.argument = std::move(doubled);
    }
    return {};
}

} // namespace

Result<std::optional<SetupStep>> parse_setup_line(std::string_view text, std::string_view where) {
    constexpr std::string_view kBlanks = " \t\r";
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
    if (text.empty() || text.front() == '#' || text.front() == ';') {
        return std::nullopt;
    }
    const Line line{text, where};
    std::string_view rest = text;
    std::string fields[6]; // type, path, mode, user, group, age
    std::size_t count = 0;
    for (WordFault fault; count < std::size(fields); ++count) {
        auto word = take_word(rest, fault);
        if (!fault.why.empty()) {
            return line.refuse(fault.why);
        }
        if (!word) {
            break;
        }
        fields[count] = std::move(*word);
    }
    if (count < 2 || fields[0].empty() || fields[1].empty()) {
        return line.refuse("is not TYPE PATH [MODE USER GROUP AGE ARGUMENT]");
    }
    SetupStep step{.origin = std::string(where), .for_app = false, .must_exist = false};
    bool base64 = false;
    if (auto read = read_type(line, fields[0], step, base64); !read) {
        return std::unexpected(read.error());
    }
    step.path = std::move(fields[1]);
    if (auto read = read_mode(line, fields[2], step); !read) {
        return std::unexpected(read.error());
    }
    read_owner(fields[3], step.user, step.user_only_new);
    read_owner(fields[4], step.group, step.group_only_new);
    if (!is_empty(fields[5]) && !is_age(fields[5])) {
        return line.refuse("age", fields[5], "is no time");
    }
    step.age = is_empty(fields[5]) ? "" : std::move(fields[5]);
    if (auto read = read_argument(line, rest, base64, step); !read) {
        return std::unexpected(read.error());
    }
    return step;
}

Result<std::vector<SetupStep>> parse_setup_file(std::string_view text, std::string_view where) {
    std::vector<SetupStep> steps;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        auto step = parse_setup_line(line, std::string(where) + ":" + std::to_string(number));
        if (!step) {
            return std::unexpected(step.error());
        }
        if (*step) {
            steps.push_back(std::move(**step));
        }
    }
    return steps;
}

std::string setup_line(const SetupStep& step, std::string_view app) {
    std::string line(1, type_of(step.kind).letter);
    line.append(step.force ? "+" : "").append(step.may_fail ? "-" : "").append(step.replace_others ? "=" : "");
    const auto octal = [](std::uint32_t mode) {
        char digits[8];
        const auto [end, fault] = std::to_chars(digits, digits + sizeof digits, mode, 8);
        const std::string text(digits, end);
        return fault == std::errc() ? std::string(text.size() < 4 ? 4 - text.size() : 0, '0') + text : "-";
    };
    line.append(" ").append(step.path).append(" ");
    if (step.mode) {
        line.append(step.mode_masked ? "~" : "").append(step.mode_only_new ? ":" : "").append(octal(*step.mode));
    } else {
        line += '-';
    }
    if (step.file_mode) {
        line.append("/").append(octal(*step.file_mode)); // no tmpfiles.d(5): directories, other files
    }
    const auto owner = [&line](bool only_new, const std::string& name, std::optional<std::uint32_t> id) {
        line.append(" ").append(only_new ? ":" : "").append(id ? std::to_string(*id) : name.empty() ? "-" : name);
    };
    if (step.for_app) {
        line.append(" ").append(app);
    } else {
        owner(step.user_only_new, step.user, step.uid);
        owner(step.group_only_new, step.group, step.gid);
    }
    return step.has_argument ? line.append(" - ").append(step.argument) : line;
}

} // namespace stepdown::plan
