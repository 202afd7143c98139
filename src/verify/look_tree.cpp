#include <unistd.h>

#include <fmt/format.h>

#include "verify/surroundings.hpp"

namespace stepdown::verify {
namespace {

std::vector<Seen> processes_that(const Scene& scene, const char* none, auto&& are) {
    Listing found;
    for (const Sighting& seen : scene.threads) {
        if (seen.thread.pid == seen.thread.tid && are(seen)) {
            found.add(fmt::format("{} {}", seen.thread.pid, seen.thread.name));
        }
    }
    return {{found.empty() ? Verdict::kPass : Verdict::kFail, found.empty() ? none : found.text()}};
}

} // namespace

std::vector<Seen> look_for_foreign(const Scene& scene) {
    const pid_t self = ::getpid(); // an observer does not count itself
    return processes_that(scene, "nobody", [self](const Sighting& seen) {
        return seen.role == Role::kForeign && seen.thread.pid != self && !seen.zombie();
    });
}

std::vector<Seen> look_for_zombies(const Scene& scene) {
    return processes_that(scene, "none",
                          [](const Sighting& seen) { return seen.role != Role::kForeign && seen.zombie(); });
}

} // namespace stepdown::verify
