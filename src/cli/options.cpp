#include "cli/options.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace stepdown::cli {
namespace {

constexpr char upper(char letter) {
    return letter == '-' ? '_' : letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

// Levenshtein distance, one row at a time.
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < left.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < right.size(); ++j) {
            const std::size_t changed = diagonal + (left[i] == right[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

const Option* find_option(std::string_view name) {
    const auto found = std::ranges::find(options(), name, &Option::name);
    return found == options().end() ? nullptr : &*found;
}

const Option* find_option(char letter) {
    const auto found = std::ranges::find(options(), letter, &Option::letter);
    return letter == 0 || found == options().end() ? nullptr : &*found;
}

const Option* find_variable(std::string_view variable) {
    if (!variable.starts_with(kVariablePrefix)) {
        return nullptr;
    }
    const std::string_view word = variable.substr(kVariablePrefix.size());
    const auto found = std::ranges::find_if(
        options(), [word](const Option& option) { return std::ranges::equal(word, option.name, {}, {}, upper); });
    return found == options().end() ? nullptr : &*found;
}

std::string flag_of(const Option& option) { return std::string("--").append(option.name); }

std::string variable_of(const Option& option) {
    std::string variable(kVariablePrefix);
    std::ranges::transform(option.name, std::back_inserter(variable), upper);
    return variable;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
    constexpr std::size_t kLongestWord = 64; // a longer one is no slip of the finger
    if (word.size() > kLongestWord) {
        return {};
    }
    std::string_view best;
    std::size_t least = (word.size() < 4 ? 1 : std::max<std::size_t>(2, word.size() / 3)) + 1; // two: letters swapped
    for (const std::string_view name : names) {
        if (word.size() >= 2 && name.starts_with(word)) {
            return name;
        }
        if (const std::size_t far = distance(word, name); far < least) {
            least = far;
            best = name;
        }
    }
    return best;
}

std::string_view nearest_option(std::string_view word, unsigned place, unsigned commands) {
    std::vector<std::string_view> names;
    for (const Option& option : options()) {
        if ((option.places & place) != 0 && (option.commands & commands) != 0) {
            names.push_back(option.name);
        }
    }
    return nearest(word, names);
}

std::unexpected<Error> refuse(const Source& source, std::string_view option, std::string_view value,
                              std::string_view why) {
    std::string line(source.where);
    line.append(": ");
    if (source.kind == SourceKind::kFile || source.kind == SourceKind::kReceipt) {
        line.append(option).append(": "); // the place alone does not name it
    }
    line += '"';
    for (const char letter : value) { // a line, whatever the value is
        line.append(letter == '\n' ? "\\n" : letter == '\t' ? "\\t" : std::string(1, letter));
    }
    return fail(ExitCode::kUsage, line.append("\" ").append(why));
}

} // namespace stepdown::cli
