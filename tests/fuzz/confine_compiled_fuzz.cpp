// Any bytes as a filter compiled ahead: read or refused with one line, and what is read is written the same again.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "confine/answers.hpp"
#include "confine/compiled.hpp"
#include "confine/syscalls.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    using namespace stepdown;
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const Result<confine::Compiled> filter = confine::read_compiled(text);
    if (!filter) {
        if (filter.error().line.empty() || filter.error().line.contains('\n')) {
            std::abort();
        }
        return 0;
    }
    const Result<confine::Compiled> again = confine::read_compiled(confine::write_compiled(*filter));
    if (!again || confine::write_compiled(*again) != confine::write_compiled(*filter)) {
        std::abort();
    }
    (void)confine::answers_to(filter->program, confine::facts_of(filter->native).audit, 0);
    return 0;
}
