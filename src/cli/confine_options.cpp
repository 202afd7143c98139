#include "cli/setters.hpp"

#include "cli/values.hpp"

namespace stepdown::cli {

Result<> apply_seccomp(Parsed& parsed, std::string_view value, const Source& source) {
    return set_word_or_path(parsed.plan.seccomp, {"default", "off"}, "seccomp", value, source);
}

} // namespace stepdown::cli
