#include "plan/capability_names.hpp"

#include <charconv>

#include <cap-ng.h>

namespace stepdown::plan {
namespace {

constexpr unsigned kMostCapabilities = 64;

// The release's library does nothing before its first use, and knows no names then.
void wake_library() { capng_clear(CAPNG_SELECT_CAPS); }

} // namespace

std::optional<unsigned> capability_number(std::string_view word) {
    unsigned number = 0;
    const char* const end = word.data() + word.size();
    if (const auto [stop, fault] = std::from_chars(word.data(), end, number); fault == std::errc() && stop == end) {
        return number < kMostCapabilities ? std::optional(number) : std::nullopt;
    }
    std::string name(word);
    for (char& letter : name) {
        letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    }
    wake_library();
    const int found = capng_name_to_capability(name.c_str() + (name.starts_with("cap_") ? 4 : 0));
    return found < 0 ? std::nullopt : std::optional(static_cast<unsigned>(found));
}

std::string capability_name(unsigned number) {
    wake_library();
    const char* const name = number <= CAP_LAST_CAP ? capng_capability_to_name(number) : nullptr;
    return name == nullptr ? std::to_string(number) : name;
}

std::string capability_names(std::uint64_t set, std::string_view separator) {
    std::string names;
    for (unsigned number = 0; number < kMostCapabilities; ++number) {
        if ((set >> number & 1) != 0) {
            names.append(names.empty() ? "" : separator).append(capability_name(number));
        }
    }
    return names;
}

} // namespace stepdown::plan
