#include "cli/toml.hpp"

namespace stepdown::cli {

std::string place_of(const std::string& name, const toml::source_region& source) {
    return name + ":" + std::to_string(source.begin.line);
}

Result<toml::table> parse_toml(std::string_view text, const std::string& name) {
    toml::parse_result read = toml::parse(text, std::string_view(name));
    if (read.failed()) {
        const toml::parse_error& error = read.error();
        return fail(ExitCode::kUsage,
                    place_of(name, error.source()).append(": not TOML: ").append(error.description()));
    }
    return std::move(read).table();
}

} // namespace stepdown::cli
