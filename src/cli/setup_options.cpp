#include "cli/setters.hpp"

#include <charconv>

#include "cli/values.hpp"

namespace stepdown::cli {

Result<> apply_mkdir(Parsed& parsed, std::string_view value, const Source& source) {
    SetupStep step = {.kind = SetupKind::kMakeDirectory, .path = {}, .mode = {}};
    const std::size_t colon = value.rfind(':');
    const std::string_view path = value.substr(0, colon);
    if (colon != std::string_view::npos) {
        const std::string_view digits = value.substr(colon + 1);
        std::uint32_t mode = 0;
        const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
        if (digits.size() < 3 || digits.size() > 4 || fault != std::errc() || end != digits.data() + digits.size()) {
            return refuse(source, "mkdir", value, "has no mode of three or four octal digits after its last colon");
        }
        step.mode = mode;
    }
    if (auto checked = check_path(path, "mkdir", value, source); !checked) {
        return checked;
    }
    step.path = path;
    parsed.plan.setup.push_back(std::move(step));
    return {};
}

Result<> apply_own(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, "own", value, source); !checked) {
        return checked;
    }
    parsed.plan.setup.push_back({.kind = SetupKind::kOwn, .path = std::string(value), .mode = {}});
    return {};
}

Result<> apply_setup_best_effort(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.setup_best_effort, true, "setup-best-effort", value, source);
}

} // namespace stepdown::cli
