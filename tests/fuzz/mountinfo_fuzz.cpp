#include <cstdlib>

#include "verify/mounts.hpp"

// A table that is accepted has points that are absolute, and the mount that a path is in leads to it.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace stepdown::verify;
    const auto mounts = parse_mounts({reinterpret_cast<const char*>(data), size});
    if (!mounts) {
        return 0;
    }
    for (const Mount& mount : *mounts) {
        const Mount* const found = mount_of(*mounts, mount.point);
        if (!mount.point.starts_with('/') || (found != nullptr && !mount.point.starts_with(found->point))) {
            std::abort();
        }
    }
    return 0;
}
