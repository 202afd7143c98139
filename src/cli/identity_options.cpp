#include "cli/setters.hpp"

#include "cli/values.hpp"

namespace stepdown::cli {

Result<> apply_user(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.user_spec = value; // resolved later, when the image's passwd and group files have been read
    return {};
}

Result<> apply_allow_root(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.allow_root, true, "allow-root", value, source);
}

} // namespace stepdown::cli
