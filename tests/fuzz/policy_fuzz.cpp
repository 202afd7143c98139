#include <cstdlib>

#include "cli/policy_file.hpp"

// Whatever is accepted has waivers that say why and until when; an error has a line.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto policy = stepdown::cli::read_policy({reinterpret_cast<const char*>(data), size}, "policy");
    if (!policy) {
        return policy.error().line.empty() ? std::abort(), 0 : 0;
    }
    for (const stepdown::Waiver& waiver : policy->waivers) {
        if (waiver.check.empty() || waiver.reason.empty() || waiver.expires.size() < 8) {
            std::abort();
        }
    }
    return 0;
}
