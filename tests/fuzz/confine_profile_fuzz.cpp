// Profile JSON: reading never crashes, and what compiles answers every call, with what the profile says.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../unit/confine_meaning.hpp"
#include "confine/compile.hpp"
#include "confine/evaluate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    using namespace stepdown;
    using namespace stepdown::testing;
    const Result<Profile> profile = read_profile({reinterpret_cast<const char*>(bytes), size}, kX86Machine);
    const Result<std::vector<sock_filter>> program = profile.and_then(confine::compile);
    if (!program) {
        if (program.error().line.empty() || program.error().line.contains('\n')) {
            std::abort(); // an error is one line
        }
        return 0;
    }
    const Meaning meaning(*profile);
    const auto arguments = interesting_arguments(*profile);
    for (std::uint32_t number = 0; number < 480; ++number) {
        for (const ArchitectureFacts& facts : architectures()) {
            seccomp_data data = call_of(facts.architecture, number);
            const std::size_t tries = meaning.tries(data, arguments.size());
            for (std::size_t i = 0; i < tries; i += tries / 64 + 1) {
                std::ranges::copy(arguments[i], data.args);
                if (evaluate(*program, data) != meaning(data)) {
                    std::abort();
                }
            }
        }
    }
    return 0;
}
