#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "setup/glob.hpp"
#include "setup/job.hpp"
#include "setup/place.hpp"
#include "setup/walk.hpp"

namespace stepdown::setup {
namespace {

// Gives files away, and sets their mode where the step has one.
//
// chown(2) clears setuid, setgid and file capabilities of what it changes, directories excepted: root's setuid program
// becomes the app's plain one.
class Giver final : public Visitor {
  public:
    Giver(Job& job, const SetupStep& step) : job_(job), step_(step) {}

    bool is_settled(const struct stat& now) const override {
        return job_.rules.policy != OwnPolicy::kAlways && !wanted_of(job_, step_, now, false).differs(now);
    }

    Try<> settle(int fd, const struct stat& now) override {
        const Wanted wanted = wanted_of(job_, step_, now, false);
        if (job_.rules.policy == OwnPolicy::kAlways && !wanted.differs(now)) {
            return repeat(fd, now, wanted);
        }
        const auto done = setup::settle(job_, fd, now, wanted);
        return done ? Try<>() : std::unexpected(done.error());
    }

  private:
    // What is as wanted is given once more: some volume drivers act on the call itself.
    Try<> repeat(int fd, const struct stat& now, const Wanted& wanted) {
        const auto given =
            job_.kernel.change_owner_at(fd, "", wanted.uid.value_or(now.st_uid), wanted.gid.value_or(now.st_gid));
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
        if (const auto done = giver.settle(pin.get(), now); !done) {
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
