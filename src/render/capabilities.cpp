#include "render/capabilities.hpp"

#include <cap-ng.h>
#include <fmt/format.h>

namespace stepdown::render {

std::string capability_names(std::uint64_t mask) {
    if (mask == 0) {
        return "none";
    }
    capng_clear(CAPNG_SELECT_CAPS); // the release's library does nothing before its first use, and knows no names then
    std::string names;
    for (unsigned capability = 0; capability < 64; ++capability) {
        if ((mask & (std::uint64_t{1} << capability)) == 0) {
            continue;
        }
        const char* const name = capability <= CAP_LAST_CAP ? capng_capability_to_name(capability) : nullptr;
        names += names.empty() ? "" : " ";
        names += name != nullptr ? fmt::format("cap_{}", name) : fmt::format("{}", capability);
    }
    return names;
}

} // namespace stepdown::render
