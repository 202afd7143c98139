#include <cstdlib>

#include "verify/cgroup.hpp"

// An id is hexadecimal and a pod's has dashes, whatever a cgroup is called.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto name = stepdown::verify::container_of({reinterpret_cast<const char*>(data), size});
    if (name.id.find_first_not_of("0123456789abcdef") != std::string::npos || name.id.size() > 64 ||
        name.pod.find_first_not_of("0123456789abcdef-") != std::string::npos ||
        (name.id.empty() && !name.pod.empty())) {
        std::abort();
    }
    return 0;
}
