#include "render/plan_text.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace stepdown::render {
namespace {

// A value of the user's on one line of ours: control characters and bytes that are not ASCII are shown by number.
std::string printable(std::string_view text) {
    std::string shown;
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (byte < ' ' || byte >= 0x7f) {
            shown += fmt::format("\\x{:02x}", byte);
        } else {
            shown += letter;
        }
    }
    return shown;
}

std::string app_line(const Plan& plan) {
    if (!plan.identity) {
        return "app: runs with the ids it is started with; no user is named\n";
    }
    const Identity& identity = *plan.identity;
    return fmt::format("app: uid {} ({}), gid {}, home {}, shell {}\n", identity.uid,
                       identity.user_name.empty() ? "no account in this image" : printable(identity.user_name),
                       identity.gid, printable(identity.home), printable(identity.shell));
}

} // namespace

std::string plan_text(const Plan& plan, std::span<const PlanStep> steps, std::span<const Setting> options) {
    std::string out = app_line(plan);
    out += "\nsteps:\n";
    int number = 0;
    for (const PlanStep& step : steps) {
        out += fmt::format("  {:2}. {:<8} {}", ++number, step.stage, printable(step.action));
        out += step.reason.empty() ? "\n" : fmt::format("  # {}\n", step.reason);
    }
    out += "\noptions:\n";
    for (const Setting& option : options) {
        out += fmt::format("  {} = {}  # {}\n", option.name, printable(option.value),
                           option.source.where.empty() ? "default" : printable(option.source.where));
    }
    if (!plan.warnings.empty()) {
        out += "\nwarnings:\n";
    }
    for (const std::string& warning : plan.warnings) {
        out += fmt::format("  {}\n", printable(warning));
    }
    return out;
}

} // namespace stepdown::render
