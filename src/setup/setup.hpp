#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

struct Outcome {
    std::vector<std::string>
        skipped;               // what best effort went on without: one line each, a few per step and then a count
    std::uint64_t changed = 0; // files and directories created, or given another owner or mode

    bool operator==(const Outcome&) const = default;
};

// Does the steps in the order written, for an app that will be uid:gid. effective is the caller's effective capability
// set: it decides nothing but which line a refusal gets. The first failure ends it with ExitCode::kSetup; with
// best_effort a failure becomes a line of Outcome::skipped and the work goes on. Nothing is logged here.
Result<Outcome> run(sys::Kernel& kernel, std::span<const SetupStep> steps, uid_t uid, gid_t gid,
                    std::uint64_t effective, bool best_effort);

} // namespace stepdown::setup
