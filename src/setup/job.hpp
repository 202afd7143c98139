#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

#include "setup/explain.hpp"
#include "setup/setup.hpp"
#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

// What one step works with. A step keeps nothing that outlives it but its lines and its count. The atomic ones are what
// the threads of a walk (crew.hpp) all come to; for the lines they take turns.
struct Job {
    sys::Kernel& kernel;
    std::string_view flag; // how the step is asked for: "--own"
    std::string_view path; // as written
    uid_t uid;             // the app's
    gid_t gid;
    std::uint64_t effective;
    bool best_effort;
    bool unprivileged;
    const OwnRules& rules;
    Progress* progress = nullptr;

    std::atomic<std::uint64_t> changed = 0;
    std::vector<std::string> skipped = {};
    std::uint64_t skipped_unnamed = 0; // beyond the lines in skipped
    bool pardoned = false;             // what ended the step is a refusal that the user allowed
    std::atomic<bool> believed =
        false; // a change of owner was seen to stay: a walk is on one mount, and one file speaks for all
    std::atomic<signed char> links_are_protected = -1; // fs.protected_hardlinks, 0 or 1 once it was asked

    // Ends the step.
    std::unexpected<Error> give_up(const Trouble& trouble, std::string_view where, int fd = -1);

    // Ends the step too, unless it may go on with the next file. fd, when there is one, helps to say why.
    Result<> failed(const Trouble& trouble, std::string_view where, int fd = -1);
};

// For work outside the steps, where nothing may be skipped and root has every capability.
Job plain_job(sys::Kernel& kernel, std::string_view flag, std::string_view path, uid_t uid, gid_t gid);

// A file that is to be changed and has several names may have one of them outside the tree: the last run's app links
// /etc/shadow into its volume, root gives "its" file to it (CVE-2017-18078). Where fs.protected_hardlinks is on only an
// owner, or who may write the file anyway, can link it (proc_sys_fs(5)), so a file of an ordinary user is safe to pass
// on. One of root's never is: the sysctl may have been off, or the file writable, when the link was made.
Try<> check_links(Job& job, const struct stat& now);

// One file per kind of action. Each does one step and leaves the path alone when it is as wanted already.
Result<> make_directory(Job& job, const SetupStep& step);     // d, and what of D and e is the same
Result<> make_file(Job& job, const SetupStep& step);          // f
Result<> write_files(Job& job, const SetupStep& step);        // w
Result<> empty_directory(Job& job, const SetupStep& step);    // D
Result<> adjust_directories(Job& job, const SetupStep& step); // e
Result<> make_link(Job& job, const SetupStep& step);          // L
Result<> make_fifo(Job& job, const SetupStep& step);          // p
Result<> copy(Job& job, const SetupStep& step);               // C
Result<> adjust(Job& job, const SetupStep& step);             // z
Result<> own(Job& job, const SetupStep& step);                // Z
Result<> remove_files(Job& job, const SetupStep& step);       // r
Result<> remove_trees(Job& job, const SetupStep& step);       // R

} // namespace stepdown::setup
