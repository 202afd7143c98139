#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "setup/glob.hpp"
#include "setup/job.hpp"
#include "setup/place.hpp"
#include "setup/walk.hpp"

namespace stepdown::setup {
namespace {

bool is_open_to_others(const struct stat& now) { return (now.st_mode & (S_IWGRP | S_IWOTH)) != 0; }

// Whether the kernel itself decides, by mode and POSIX access control lists alone, who may write to a directory. On
// others a server does, or lists of another kind.
bool keeps_modes(int fd) {
    struct statfs found{};
    if (::fstatfs(fd, &found) < 0) {
        return false;
    }
    constexpr std::uint64_t kLocal[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                        F2FS_SUPER_MAGIC, TMPFS_MAGIC,     OVERLAYFS_SUPER_MAGIC};
    return std::ranges::contains(kLocal, static_cast<std::uint64_t>(found.f_type));
}

// Gives files away, and sets their mode where the step has one.
//
// chown(2) clears setuid, setgid and file capabilities of what it changes, directories excepted: root's setuid program
// becomes the app's plain one, but for wanted_of() of a line.
class Giver final : public Visitor {
  public:
    Giver(Job& job, const SetupStep& step) : job_(job), step_(step) {}

    bool is_settled(const struct stat& now) const override {
        return job_.rules.policy != OwnPolicy::kAlways && !wanted_of(job_, step_, now, false).differs(now);
    }

    Try<> settle(const Target& file, const struct stat& now) override {
        const Wanted wanted = wanted_of(job_, step_, now, false);
        if (job_.rules.policy == OwnPolicy::kAlways && !wanted.differs(now)) {
            return repeat(file, now, wanted);
        }
        if (wanted.mode && *file.name != '\0') {
            return refusal(Act::kMode, "a name is not enough to set a mode by");
        }
        const auto done = setup::settle(job_, file, now, wanted);
        return done ? Try<>() : std::unexpected(done.error());
    }

    // A directory's names are its owner's, and of those who may write to it. So one that nobody else may write to, and
    // that is to change hands, is root's in between. No rename is under way across that: it and chown(2) take the same
    // lock. Where group and others may not write, no access control list lets anybody, acl(5).
    bool hold(int fd, const struct stat& now) override {
        const bool sets_mode = step_.mode || step_.file_mode;
        if (sets_mode || is_open_to_others(now) || !(now.st_uid == 0 || changes_hands(now)) || !keeps_modes(fd)) {
            return false;
        }
        if (now.st_uid == 0) {
            return true;
        }
        if (!job_.kernel.change_owner_at(fd, "", 0, sys::kUnchanged)) {
            return false;
        }
        const auto held = job_.kernel.stat_at(fd, "");
        return held && held->st_uid == 0 && !is_open_to_others(*held);
    }

  private:
    bool changes_hands(const struct stat& now) const {
        const Wanted wanted = wanted_of(job_, step_, now, false);
        return wanted.uid && *wanted.uid != now.st_uid;
    }

    // What is as wanted is given once more: some volume drivers act on the call itself.
    Try<> repeat(const Target& file, const struct stat& now, const Wanted& wanted) {
        const auto given = job_.kernel.change_owner_at(file.fd, file.name, wanted.uid.value_or(now.st_uid),
                                                       wanted.gid.value_or(now.st_gid));
        return given ? Try<>() : trouble(Act::kOwner, given.error());
    }

    Job& job_;
    const SetupStep& step_;
};

// The path itself may be a mount point, and a file; what is mounted below it is left alone unless asked for.
Result<> give(Job& job, const SetupStep& step, const Place& place) {
    const auto found = look_at(job.kernel, place);
    if (!found) {
        return job.give_up(found.error(), place.path);
    }
    if (!*found) {
        return step.must_exist ? Result<>(job.give_up({Act::kEnter, ENOENT}, place.path)) : Result<>();
    }
    const auto& [pin, now] = **found;
    if (S_ISLNK(now.st_mode) && step.for_app) {
        return job.give_up({Act::kEnter, ELOOP}, place.path);
    }
    Giver giver(job, step);
    if (job.rules.policy == OwnPolicy::kRootMismatch && giver.is_settled(now)) {
        return {};
    }
    if (!S_ISDIR(now.st_mode)) {
        if (giver.is_settled(now)) {
            return {};
        }
        if (const auto done = giver.settle({pin.get()}, now); !done) {
            return job.give_up(done.error(), place.path, pin.get());
        }
        ++job.changed;
        return {};
    }
    auto top = job.kernel.open_at(pin.get(), ".", O_RDONLY | O_DIRECTORY);
    if (!top) {
        return job.give_up({Act::kRead, top.error()}, place.path);
    }
    return Crew(job, giver).run(std::move(*top), place.path);
}

} // namespace

Result<> own(Job& job, const SetupStep& step) {
    if (job.rules.policy == OwnPolicy::kSkip) {
        return {};
    }
    if (!step.for_app) {
        return for_each_match(job, step, give);
    }
    const auto place = reach(job, step.path, false); // a shorthand's path is no pattern
    if (!place) {
        return std::unexpected(place.error());
    }
    if (!*place) {
        return step.must_exist ? Result<>(job.give_up({Act::kEnter, ENOENT}, step.path)) : Result<>();
    }
    return give(job, step, **place);
}

Result<> adjust(Job& job, const SetupStep& step) {
    return for_each_match(job, step, [](Job& same, const SetupStep& line, const Place& place) {
        return settle_place(same, line, place, false);
    });
}

} // namespace stepdown::setup
