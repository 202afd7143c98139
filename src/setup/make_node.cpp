#include <cerrno>

#include <sys/stat.h>

#include "setup/job.hpp"
#include "setup/place.hpp"

namespace stepdown::setup {
namespace {

// Makes room for what a step creates. True: there is none of it yet. What is in the way goes only if the step says so.
Result<bool> is_free(Job& job, const SetupStep& step, const Place& place, mode_t type, bool as_wanted) {
    const auto found = look_at(job.kernel, place);
    if (!found) {
        return job.give_up(found.error(), place.path);
    }
    if (!*found) {
        return true;
    }
    const bool same_type = ((*found)->now.st_mode & S_IFMT) == type;
    if ((same_type && as_wanted) || (!step.force && (same_type || !step.replace_others))) {
        return false;
    }
    auto gone = remove_all(job, place);
    return gone ? Result<bool>(true) : std::unexpected(gone.error());
}

} // namespace

// A link that is there and leads elsewhere stays, as any other file does, without "+": tmpfiles.d(5) makes what does
// not exist yet.
Result<> make_link(Job& job, const SetupStep& step) {
    const auto place = reach(job, step.path, true);
    if (!place) {
        return std::unexpected(place.error());
    }
    const auto target = job.kernel.read_link_at((*place)->parent.get(), (*place)->name.c_str());
    const bool is_there = target && *target == step.argument;
    const auto is_clear = is_free(job, step, **place, S_IFLNK, is_there);
    if (!is_clear) {
        return std::unexpected(is_clear.error());
    }
    if (!*is_clear) {
        return is_there ? settle_place(job, step, **place, false) : Result<>();
    }
    const auto made = job.kernel.make_link_at(step.argument.c_str(), (*place)->parent.get(), (*place)->name.c_str());
    if (!made) {
        return job.give_up({Act::kCreate, made.error()}, step.path);
    }
    return settle_place(job, step, **place, true);
}

Result<> make_fifo(Job& job, const SetupStep& step) {
    const auto place = reach(job, step.path, true);
    if (!place) {
        return std::unexpected(place.error());
    }
    const auto is_clear = is_free(job, step, **place, S_IFIFO, true);
    if (!is_clear) {
        return std::unexpected(is_clear.error());
    }
    if (*is_clear) {
        const auto made = job.kernel.make_fifo_at((*place)->parent.get(), (*place)->name.c_str(), 0600);
        if (!made) {
            return job.give_up({Act::kCreate, made.error()}, step.path);
        }
    } else {
        const auto found = look_at(job.kernel, **place);
        if (!found || !*found || !S_ISFIFO((*found)->now.st_mode)) {
            return job.give_up({Act::kCreate, 0, "it exists and is no named pipe"}, step.path);
        }
    }
    return settle_place(job, step, **place, *is_clear);
}

} // namespace stepdown::setup
