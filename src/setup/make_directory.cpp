#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "setup/job.hpp"
#include "setup/path.hpp"

namespace stepdown::setup {
namespace {

constexpr mode_t kPermissionBits = 07777;
constexpr mode_t kDefaultMode = 0755;

struct Place {
    sys::Fd fd; // O_PATH
    bool created = false;
};

Try<Place> enter_or_create(sys::Kernel& kernel, int dir, const std::string& name) {
    auto found = enter(kernel, dir, name);
    if (found) {
        return Place{std::move(*found), false};
    }
    if (found.error().error != ENOENT) {
        return std::unexpected(found.error());
    }
    // Closed to everybody until it has the mode asked for, which the umask and a setgid parent have no say in.
    const auto made = kernel.make_directory_at(dir, name.c_str(), 0700);
    if (!made && made.error() != EEXIST) {
        return trouble(Act::kCreate, made.error());
    }
    auto entered = enter(kernel, dir, name);
    if (!entered) {
        return std::unexpected(entered.error());
    }
    return Place{std::move(*entered), made.has_value()};
}

Try<> set_mode(sys::Kernel& kernel, int place, mode_t mode) {
    // fchmod(2) does not take an O_PATH descriptor; "." inside one is the same directory whatever its name became.
    const auto open = kernel.open_at(place, ".", O_RDONLY | O_DIRECTORY);
    if (!open) {
        return trouble(Act::kMode, open.error());
    }
    if (const auto set = kernel.change_mode(open->get(), mode); !set) {
        return trouble(Act::kMode, set.error());
    }
    return {};
}

struct Wanted {
    std::optional<mode_t> mode;
    std::optional<std::pair<uid_t, gid_t>> owner;
};

bool has_mode(const struct stat& now, mode_t mode) { return (now.st_mode & kPermissionBits) == mode; }

// The mode before the owner: root may chmod what is still root's, while afterwards it would take CAP_FOWNER. A
// directory keeps its setgid bit through chown(2); only files lose theirs. Returns whether anything had to change.
Try<bool> settle(sys::Kernel& kernel, int place, const Wanted& wanted) {
    const auto now = kernel.stat_at(place, "");
    if (!now) {
        return trouble(Act::kLook, now.error());
    }
    const bool mode_differs = wanted.mode && !has_mode(*now, *wanted.mode);
    const bool owner_differs = wanted.owner && *wanted.owner != std::pair(now->st_uid, now->st_gid);
    if (mode_differs) {
        if (const auto set = set_mode(kernel, place, *wanted.mode); !set) {
            return std::unexpected(set.error());
        }
    }
    if (owner_differs) {
        if (const auto set = kernel.change_owner_at(place, "", wanted.owner->first, wanted.owner->second); !set) {
            return trouble(Act::kOwner, set.error());
        }
    }
    if (!mode_differs && !owner_differs) {
        return false;
    }
    const auto after = kernel.stat_at(place, "");
    if (!after) {
        return trouble(Act::kLook, after.error());
    }
    if (wanted.mode && !has_mode(*after, *wanted.mode)) {
        return refusal(Act::kMode,
                       "the file system took it and keeps another (without CAP_FSETID the setgid bit is lost)");
    }
    if (wanted.owner && *wanted.owner != std::pair(after->st_uid, after->st_gid)) {
        return refusal(Act::kOwner, "the file system took it and keeps another: set uid= and gid= where it is mounted");
    }
    return true;
}

} // namespace

// Parents that are missing are made 0755 and stay root's; those that exist are left alone. The directory itself becomes
// the app's. Without a mode in the step a new one gets 0755 and an old one keeps what it has: a database's 0700 is not
// widened by a default.
Result<> make_directory(Job& job, const SetupStep& step) {
    const auto names = components(step.path);
    if (!names) {
        return job.give_up(names.error(), step.path);
    }
    auto here = open_root(job.kernel);
    if (!here) {
        return job.give_up(here.error(), "/");
    }
    std::string path;
    for (std::size_t i = 0; i < names->size(); ++i) {
        const std::string& name = (*names)[i];
        const bool last = i + 1 == names->size();
        path += '/' + name;
        auto place = enter_or_create(job.kernel, here->get(), name);
        if (!place) {
            return job.give_up(place.error(), path);
        }
        Wanted wanted;
        if (place->created) {
            wanted.mode = kDefaultMode;
        }
        if (last) {
            wanted.mode = step.mode ? step.mode : wanted.mode;
            wanted.owner = std::pair(job.uid, job.gid);
        }
        const auto changed = settle(job.kernel, place->fd.get(), wanted);
        if (!changed) {
            return job.give_up(changed.error(), path, place->fd.get());
        }
        job.changed += place->created || *changed ? 1 : 0;
        here = std::move(place->fd);
    }
    return {};
}

} // namespace stepdown::setup
