#include <cstdlib>

#include "verify/status.hpp"

// Whatever it is given, what the parser believed is what it would write, and reads back the same.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace stepdown;
    const verify::Status status = verify::read_status({reinterpret_cast<const char*>(data), size});
    std::string text;
    verify::append_facts(text, status.thread.facts);
    const verify::Status again = verify::read_status(text);
    if (again.malformed || again.thread.facts != status.thread.facts) {
        std::abort();
    }
    return 0;
}
