#include "verify/surroundings.hpp"

namespace stepdown::verify {

std::vector<Seen> look_at_root(const Scene& scene) {
    const Mount* const root = scene.mounts ? mount_of(*scene.mounts, "/") : nullptr;
    if (root == nullptr) {
        return {{Verdict::kUnknown, "mounts not readable"}};
    }
    return {{root->read_only ? Verdict::kPass : Verdict::kFail, root->read_only ? "read-only" : "writable"}};
}

} // namespace stepdown::verify
