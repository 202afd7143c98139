#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "supervise/notice.hpp"

// What any process of the container may send: it is read without a fault, and no number is beyond its bounds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const stepdown::supervise::Notice notice =
        stepdown::supervise::read_notice({reinterpret_cast<const char*>(data), size});
    if (notice.extended && (notice.extended->count() <= 0 || *notice.extended > std::chrono::years(1))) {
        std::abort();
    }
    if (notice.main_pid && *notice.main_pid <= 0) {
        std::abort();
    }
    return 0;
}
