#include <cerrno>

#include <sys/stat.h>

#include "setup/glob.hpp"
#include "setup/job.hpp"
#include "setup/place.hpp"

namespace stepdown::setup {
namespace {

// Whether the directory is new. What is no directory is an error, or gives way to one ("=").
Result<bool> make_at(Job& job, const SetupStep& step, const Place& place) {
    const auto found = look_at(job.kernel, place);
    if (!found) {
        return job.give_up(found.error(), place.path);
    }
    if (*found && S_ISDIR((*found)->now.st_mode)) {
        return false;
    }
    if (*found && !step.replace_others) {
        return job.give_up({Act::kEnter, S_ISLNK((*found)->now.st_mode) ? ELOOP : ENOTDIR}, place.path);
    }
    if (*found) {
        if (auto gone = remove_all(job, place); !gone) {
            return std::unexpected(gone.error());
        }
    }
    // Closed to everybody until it has the mode asked for, which the umask and a setgid parent have no say in.
    const auto made = job.kernel.make_directory_at(place.parent.get(), place.name.c_str(), 0700);
    if (!made && made.error() != EEXIST) {
        return job.give_up({Act::kCreate, made.error()}, place.path);
    }
    return made.has_value();
}

Result<> adjust_directory(Job& job, const SetupStep& step, const Place& place) {
    const auto found = look_at(job.kernel, place);
    if (!found) {
        return job.give_up(found.error(), place.path);
    }
    const bool is_directory = *found && S_ISDIR((*found)->now.st_mode);
    return is_directory ? settle_place(job, step, place, false) : Result<>();
}

} // namespace

// Parents that are missing are made 0755 and stay root's; those that exist are left alone. Without a mode in the step a
// new one gets 0755 and an old one keeps what it has: a database's 0700 is not widened by a default.
Result<> make_directory(Job& job, const SetupStep& step) {
    const auto place = reach(job, step.path, true);
    if (!place) {
        return std::unexpected(place.error());
    }
    const auto created = make_at(job, step, **place);
    if (!created) {
        return std::unexpected(created.error());
    }
    return settle_place(job, step, **place, *created);
}

Result<> empty_directory(Job& job, const SetupStep& step) {
    const auto place = reach(job, step.path, true);
    if (!place) {
        return std::unexpected(place.error());
    }
    const auto found = look_at(job.kernel, **place);
    if (!found) {
        return job.give_up(found.error(), (*place)->path);
    }
    if (*found && S_ISDIR((*found)->now.st_mode)) {
        if (auto emptied = remove_content(job, **place, (*found)->pin.get()); !emptied) {
            return emptied;
        }
    }
    return make_directory(job, step);
}

Result<> adjust_directories(Job& job, const SetupStep& step) { return for_each_match(job, step, adjust_directory); }

} // namespace stepdown::setup
