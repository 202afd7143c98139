#include <algorithm>
#include <charconv>
#include <ranges>
#include <string>

#include <sys/utsname.h>

#include "confine/read.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

bool Machine::has_capability(std::string_view name) const {
    return std::ranges::any_of(std::views::split(capabilities, ' '),
                               [name](const auto& word) { return std::string_view(word) == name; });
}

Machine this_machine() {
    utsname names = {};
    ::uname(&names);
    Machine machine{native_architecture(), 0, 0};
    const char* end = names.release + std::char_traits<char>::length(names.release);
    const auto major = std::from_chars(names.release, end, machine.kernel_major);
    std::from_chars(std::min(major.ptr + 1, end), end, machine.kernel_minor);
    return machine;
}

} // namespace stepdown::confine
