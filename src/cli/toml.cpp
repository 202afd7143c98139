#include "cli/toml.hpp"

namespace stepdown::cli {
namespace {

constexpr int kMostDots = 256;

// The parts of a dotted key nest as well, and toml++ does not count them: some ten thousand use up the stack. The line
// that has so many without an end of a key between them, or 0. In a string they would do no harm, and nobody has them.
std::size_t line_of_endless_key(std::string_view text) {
    std::size_t line = 1;
    int dots = 0;
    for (const char letter : text) {
        line += letter == '\n' ? 1 : 0;
        dots = letter == '.' ? dots + 1 : std::string_view("\n=,").contains(letter) ? 0 : dots;
        if (dots > kMostDots) {
            return line;
        }
    }
    return 0;
}

} // namespace

std::string place_of(const std::string& name, const toml::source_region& source) {
    return name + ":" + std::to_string(source.begin.line);
}

Result<toml::table> parse_toml(std::string_view text, const std::string& name) {
    if (const std::size_t line = line_of_endless_key(text); line != 0) {
        return fail(ExitCode::kUsage,
                    name + ":" + std::to_string(line) + ": too many dots: no key has more than a few parts");
    }
    toml::parse_result read = toml::parse(text, std::string_view(name));
    if (read.failed()) {
        const toml::parse_error& error = read.error();
        return fail(ExitCode::kUsage,
                    place_of(name, error.source()).append(": not TOML: ").append(error.description()));
    }
    return std::move(read).table();
}

} // namespace stepdown::cli
