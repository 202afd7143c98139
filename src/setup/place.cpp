#include "setup/place.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace stepdown::setup {
namespace {

constexpr mode_t kSpecialBits = S_ISUID | S_ISGID;

// "~": of a file that nobody may read, write or execute no one shall; no special bit but a directory's.
mode_t masked(mode_t mode, mode_t now) {
    for (const mode_t bits : {0444U, 0222U, 0111U}) {
        mode &= (now & bits) == 0 ? ~bits : ~mode_t{0};
    }
    return S_ISDIR(now) ? mode : mode & 0777;
}

// fchmod(2) does not take an O_PATH descriptor; "." inside one is the same directory whatever its name became.
Try<> set_mode(sys::Kernel& kernel, int pin, bool is_directory, mode_t mode) {
    if (!is_directory) {
        const auto set = kernel.change_mode_at(pin, mode);
        return set ? Try<>() : trouble(Act::kMode, set.error());
    }
    const auto open = kernel.open_at(pin, ".", O_RDONLY | O_DIRECTORY);
    if (!open) {
        return trouble(Act::kMode, open.error());
    }
    const auto set = kernel.change_mode(open->get(), mode);
    return set ? Try<>() : trouble(Act::kMode, set.error());
}

Try<> believe(const struct stat& after, const Wanted& wanted) {
    if (!wanted.differs(after)) {
        return {};
    }
    const Wanted owner{wanted.uid, wanted.gid, std::nullopt};
    if (owner.differs(after)) {
        return refusal(Act::kOwner, "the file system took it and keeps another: set uid= and gid= where it is mounted");
    }
    return refusal(Act::kMode, "the file system took it and keeps another (without CAP_FSETID the setgid bit is lost)");
}

} // namespace

Result<std::optional<Place>> reach(Job& job, std::string_view path, bool create) {
    const auto names = components(path);
    if (!names) {
        return job.give_up(names.error(), path);
    }
    auto here = open_root(job.kernel);
    if (!here) {
        return job.give_up(here.error(), "/");
    }
    std::string walked;
    for (std::size_t i = 0; i + 1 < names->size(); ++i) {
        const std::string& name = (*names)[i];
        walked += '/' + name;
        auto next = enter(job.kernel, here->get(), name);
        if (!next && next.error().error == ENOENT) {
            if (!create) {
                return std::nullopt;
            }
            const auto made = job.kernel.make_directory_at(here->get(), name.c_str(), 0700);
            if (!made && made.error() != EEXIST) {
                return job.give_up({Act::kCreate, made.error()}, walked);
            }
            next = enter(job.kernel, here->get(), name);
            if (next && made) { // the umask has no say, nor has a setgid directory above
                if (const auto set = set_mode(job.kernel, next->get(), true, kNewDirectory); !set) {
                    return job.give_up(set.error(), walked);
                }
                ++job.changed;
            }
        }
        if (!next) {
            return job.give_up(next.error(), walked);
        }
        here = std::move(next);
    }
    walked += '/' + names->back();
    return Place{std::move(*here), names->back(), std::move(walked)};
}

Try<std::optional<Found>> look_at(sys::Kernel& kernel, const Place& place) {
    auto pin = kernel.open_at(place.parent.get(), place.name.c_str(), O_PATH | O_NOFOLLOW);
    if (!pin) {
        return pin.error() == ENOENT ? Try<std::optional<Found>>(std::nullopt) : trouble(Act::kEnter, pin.error());
    }
    const auto now = kernel.stat_at(pin->get(), "");
    if (!now) {
        return trouble(Act::kLook, now.error());
    }
    return Found{std::move(*pin), *now};
}

bool Wanted::differs(const struct stat& now) const {
    return (uid && *uid != now.st_uid) || (gid && *gid != now.st_gid) ||
           (mode && !S_ISLNK(now.st_mode) && *mode != (now.st_mode & kPermissionBits));
}

Wanted wanted_of(const Job& job, const SetupStep& step, const struct stat& now, bool created) {
    Wanted wanted;
    if (step.for_app) {
        wanted.uid = job.uid;
        wanted.gid = job.gid;
    } else {
        wanted.uid = created || !step.user_only_new ? step.uid : std::nullopt;
        wanted.gid = created || !step.group_only_new ? step.gid : std::nullopt;
    }
    const std::optional<std::uint32_t> asked = step.file_mode && !S_ISDIR(now.st_mode) ? step.file_mode : step.mode;
    if (asked && (created || !step.mode_only_new)) {
        wanted.mode = step.mode_masked && !created ? masked(*asked, now.st_mode) : *asked;
    } else if (created) {
        // A setgid directory passes that on to what is made in it, as it does everywhere; not to the app's own.
        const mode_t inherited = step.for_app ? 0 : now.st_mode & S_ISGID;
        wanted.mode = S_ISDIR(now.st_mode) ? kNewDirectory | inherited : kNewFile;
    } else if (!step.for_app && S_ISREG(now.st_mode) && now.st_uid == 0 && (now.st_mode & kSpecialBits) != 0) {
        // A line keeps what chown(2) would take away, of root's files alone: another's, who decides what is in it, may
        // not run as whom it is given to.
        wanted.mode = now.st_mode & kPermissionBits;
    }
    return wanted;
}

// The mode before the owner: root may chmod what is still root's, while afterwards it would take CAP_FOWNER. Then again
// where chown(2) took the special bits away.
Try<bool> settle(Job& job, const Target& file, const struct stat& now, const Wanted& wanted) {
    if (!wanted.differs(now)) {
        return false;
    }
    if (const auto safe = check_links(job, now); !safe) {
        return std::unexpected(safe.error());
    }
    const bool is_link = S_ISLNK(now.st_mode);
    const bool is_directory = S_ISDIR(now.st_mode);
    if (wanted.mode && !is_link && *wanted.mode != (now.st_mode & kPermissionBits)) {
        if (const auto set = set_mode(job.kernel, file.fd, is_directory, *wanted.mode); !set) {
            return std::unexpected(set.error());
        }
    }
    const uid_t uid = wanted.uid.value_or(now.st_uid);
    const gid_t gid = wanted.gid.value_or(now.st_gid);
    const bool owner_differs = uid != now.st_uid || gid != now.st_gid;
    if (owner_differs) {
        if (const auto given = job.kernel.change_owner_at(file.fd, file.name, uid, gid); !given) {
            return trouble(Act::kOwner, given.error());
        }
    }
    if (job.believed && !wanted.mode) {
        return true;
    }
    auto after = job.kernel.stat_at(file.fd, file.name);
    if (after && owner_differs && !is_directory && wanted.mode && !is_link &&
        *wanted.mode != (after->st_mode & kPermissionBits)) {
        if (const auto set = set_mode(job.kernel, file.fd, is_directory, *wanted.mode); !set) {
            return std::unexpected(set.error());
        }
        after = job.kernel.stat_at(file.fd, file.name);
    }
    if (!after) {
        return trouble(Act::kLook, after.error());
    }
    if (const auto taken = believe(*after, wanted); !taken) {
        return std::unexpected(taken.error());
    }
    job.believed = true;
    return true;
}

Result<> settle_place(Job& job, const SetupStep& step, const Place& place, bool created) {
    const auto found = look_at(job.kernel, place);
    if (!found || !*found) {
        return job.give_up(found ? Trouble{Act::kEnter, ENOENT} : found.error(), place.path);
    }
    const auto changed =
        settle(job, {(*found)->pin.get()}, (*found)->now, wanted_of(job, step, (*found)->now, created));
    if (!changed) {
        return job.give_up(changed.error(), place.path, (*found)->pin.get());
    }
    job.changed += created || *changed ? 1 : 0;
    return {};
}

} // namespace stepdown::setup
