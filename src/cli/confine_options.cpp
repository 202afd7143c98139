#include "cli/setters.hpp"

#include "cli/values.hpp"

namespace stepdown::cli {

Result<> apply_seccomp(Parsed& parsed, std::string_view value, const Source& source) {
    return set_word_or_path(parsed.plan.seccomp, {"default", "off"}, "seccomp", value, source);
}

Result<> apply_emulate_root(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.emulate_root = value; // read by emulate/, which knows the items
    return {};
}

Result<> apply_emulate_owners(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.emulate_owners, true, "emulate-owners", value, source);
}

} // namespace stepdown::cli
