#include <cstdlib>

#include "verify/receipt.hpp"

// What is accepted is written and read back the same; nothing else may happen.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace stepdown;
    const auto receipt = verify::parse_receipt({reinterpret_cast<const char*>(data), size});
    if (receipt) {
        const auto again = verify::parse_receipt(verify::write_receipt(*receipt));
        if (!again || *again != *receipt) {
            std::abort();
        }
    }
    return 0;
}
