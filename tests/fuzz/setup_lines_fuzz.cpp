#include <cstdint>
#include <string>
#include <string_view>

#include "plan/tmpfiles.hpp"
#include "setup/glob.hpp"

using namespace stepdown;

// A file of lines, read, resolved and ordered; what was read is read the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto steps = plan::parse_setup_file(text, "fuzz");
    if (!steps) {
        return 0;
    }
    const plan::Specifiers specifiers = {[](const void*, char letter) { return std::string(1, letter); }, nullptr};
    for (SetupStep& step : *steps) {
        (void)setup::expand_braces(std::string_view(step.path).substr(0, 200));
        if (plan::resolve_setup_step(step, specifiers, "app:x:1000:1000::/:/bin/sh\n", "app:x:1000:\n") &&
            !step.path.starts_with('/')) {
            __builtin_trap();
        }
    }
    if (plan::in_order_of_work(*steps).size() > steps->size()) {
        __builtin_trap();
    }
    return 0;
}
