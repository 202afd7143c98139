#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

struct Outcome {
    std::vector<std::string> skipped; // what was gone on without: one line each, a few per step and then a count
    std::uint64_t changed = 0;        // files and directories created, removed, or given another owner or mode

    bool operator==(const Outcome&) const = default;
};

// Told of a long walk every kLooksPerReport files: how many have been looked at, how many changed, and where it is.
class Progress {
  public:
    static constexpr std::uint64_t kLooksPerReport = 4096;
    virtual ~Progress() = default;
    virtual void tell(std::uint64_t looked, std::uint64_t changed, std::string_view path) = 0;

  protected:
    Progress() = default;
    Progress(const Progress&) = default;
    Progress& operator=(const Progress&) = default;
};

struct Rules {
    bool best_effort = false;  // a failure becomes a line of Outcome::skipped and the work goes on
    bool unprivileged = false; // who starts is not root: what only root may do becomes such a line
    OwnRules own = {};
    Progress* progress = nullptr;
};

// Does the steps in the order given, for an app that will be uid:gid. effective is the caller's effective capability
// set: it decides nothing but which line a refusal gets. The first failure that nothing allows ends it with
// ExitCode::kSetup. Nothing is logged here.
Result<Outcome> run(sys::Kernel& kernel, std::span<const SetupStep> steps, uid_t uid, gid_t gid,
                    std::uint64_t effective, const Rules& rules);
inline Result<Outcome> run(sys::Kernel& kernel, std::span<const SetupStep> steps, uid_t uid, gid_t gid,
                           std::uint64_t effective, bool best_effort) {
    return run(kernel, steps, uid, gid, effective, Rules{.best_effort = best_effort});
}

} // namespace stepdown::setup
