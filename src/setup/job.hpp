#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "setup/explain.hpp"
#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

// What one step works with. A step keeps nothing that outlives it but its lines and its count.
struct Job {
    sys::Kernel& kernel;
    std::string_view flag; // how the step is asked for: "--own"
    std::string_view path; // as written
    uid_t uid;             // the app's
    gid_t gid;
    std::uint64_t effective;
    bool best_effort;

    std::uint64_t changed = 0;
    std::vector<std::string> skipped = {};
    std::uint64_t skipped_unnamed = 0; // beyond the lines in skipped

    // Ends the step.
    std::unexpected<Error> give_up(const Trouble& trouble, std::string_view where, int fd = -1) const;

    // Ends the step too, unless it may go on with the next file. fd, when there is one, helps to say why.
    Result<> failed(const Trouble& trouble, std::string_view where, int fd = -1);
};

// One file per kind of action. Each does one step and leaves the path alone when it is as wanted already.
Result<> make_directory(Job& job, const SetupStep& step);
Result<> own(Job& job, const SetupStep& step);

} // namespace stepdown::setup
