#include "cli/setters.hpp"

#include "cli/values.hpp"

namespace stepdown::cli {

Result<> apply_no_init(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.init, false, "no-init", value, source);
}

Result<> apply_receipt(Parsed& parsed, std::string_view value, const Source& source) {
    return set_word_or_path(parsed.plan.receipt, {"auto", "off"}, "receipt", value, source);
}

Result<> apply_log_level(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<LogLevel> kLevels[] = {
        {"error", LogLevel::kError}, {"warn", LogLevel::kWarn}, {"info", LogLevel::kInfo}, {"debug", LogLevel::kDebug}};
    return set_choice(parsed.plan.log_level, kLevels, "log-level", value, source);
}

Result<> apply_log_format(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<LogFormat> kFormats[] = {{"text", LogFormat::kText}, {"json", LogFormat::kJson}};
    return set_choice(parsed.plan.log_format, kFormats, "log-format", value, source);
}

Result<> apply_config(Parsed&, std::string_view, const Source&) { return {}; }

Result<> apply_lock(Parsed&, std::string_view value, const Source& source) {
    if (value == "no_new_privs") { // locked by nature: no option takes it away
        return {};
    }
    const Option* option = find_option(value);
    if (option == nullptr || (option->places & kInFile) == 0 || value == "lock") {
        const std::string_view meant = nearest_option(value, kInFile);
        return refuse(source, "lock", value,
                      meant.empty() ? "is no key of this file" : "is no key; did you mean " + std::string(meant) + "?");
    }
    return {};
}

Result<> apply_help(Parsed& parsed, std::string_view, const Source&) {
    parsed.show = Show::kHelp;
    return {};
}

Result<> apply_version(Parsed& parsed, std::string_view, const Source&) {
    parsed.show = Show::kVersion;
    return {};
}

} // namespace stepdown::cli
