#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/glob.hpp"
#include "setup/job.hpp"
#include "setup/place.hpp"
#include "sys/write.hpp"

namespace stepdown::setup {
namespace {

// O_NONBLOCK: a FIFO that was put there meanwhile must not hold the start.
constexpr int kWriteFlags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

// Opens for writing what was looked at, not what has its name by now.
Try<sys::Fd> open_found(sys::Kernel& kernel, const Place& place, const struct stat& now, int flags) {
    auto file = kernel.open_at(place.parent.get(), place.name.c_str(), kWriteFlags | flags);
    const auto same = file ? kernel.stat_at(file->get(), "") : std::unexpected(file.error());
    if (!same) {
        return trouble(Act::kWrite, same.error());
    }
    if (same->st_ino != now.st_ino || same->st_dev != now.st_dev) {
        return refusal(Act::kWrite, "it was swapped for another while root looked at it: stop what uses it");
    }
    return std::move(*file);
}

Try<> write_text(int file, std::string_view text) {
    const auto written = sys::write_whole(file, text);
    return written || text.empty() ? Try<>() : trouble(Act::kWrite, written.error());
}

// What has several names may have one elsewhere: root would write there.
Try<> refuse_links(const struct stat& now) {
    return now.st_nlink <= 1
               ? Try<>()
               : refusal(Act::kWrite, "it has more than one name (hard links), maybe outside: replace it by a copy");
}

enum class How { kAnew, kOver, kAtEnd }; // truncated first; over its beginning; appended

Try<> rewrite(sys::Kernel& kernel, const Place& place, const struct stat& now, std::string_view text, How how) {
    if (const auto safe = refuse_links(now); !safe) {
        return safe;
    }
    const auto file = open_found(kernel, place, now, how == How::kAtEnd ? O_APPEND : 0);
    if (!file) {
        return std::unexpected(file.error());
    }
    // Not by O_TRUNC: it must be known what is truncated.
    if (how == How::kAnew && ::ftruncate(file->get(), 0) < 0) {
        return trouble(Act::kWrite, errno);
    }
    return write_text(file->get(), text);
}

Try<> create(sys::Kernel& kernel, const Place& place, std::string_view text) {
    const auto file = kernel.open_at(place.parent.get(), place.name.c_str(), kWriteFlags | O_CREAT | O_EXCL, 0600);
    if (!file) {
        return trouble(Act::kCreate, file.error());
    }
    return write_text(file->get(), text);
}

Result<> write_one(Job& job, const SetupStep& step, const Place& place) {
    const auto found = look_at(job.kernel, place);
    if (!found) {
        return job.give_up(found.error(), place.path);
    }
    if (!*found) {
        return {};
    }
    if (!S_ISREG((*found)->now.st_mode)) {
        return job.give_up({Act::kWrite, 0, "it is no regular file"}, place.path);
    }
    if (const auto done =
            rewrite(job.kernel, place, (*found)->now, step.argument, step.force ? How::kAtEnd : How::kOver);
        !done) {
        return job.give_up(done.error(), place.path, (*found)->pin.get());
    }
    ++job.changed;
    return settle_place(job, step, place, false);
}

} // namespace

Result<> make_file(Job& job, const SetupStep& step) {
    const auto place = reach(job, step.path, true);
    if (!place) {
        return std::unexpected(place.error());
    }
    auto found = look_at(job.kernel, **place);
    if (!found) {
        return job.give_up(found.error(), step.path);
    }
    if (*found && !S_ISREG((*found)->now.st_mode)) {
        if (!step.replace_others) {
            return job.give_up({Act::kCreate, 0, "it exists and is no regular file"}, step.path);
        }
        if (auto gone = remove_all(job, **place); !gone) {
            return gone;
        }
        found->reset();
    }
    Try<> done;
    if (!*found) {
        done = create(job.kernel, **place, step.argument);
    } else if (step.force) {
        done = rewrite(job.kernel, **place, (*found)->now, step.argument, How::kAnew);
    }
    if (!done) {
        return job.give_up(done.error(), step.path);
    }
    return settle_place(job, step, **place, !*found);
}

Result<> write_files(Job& job, const SetupStep& step) { return for_each_match(job, step, write_one); }

} // namespace stepdown::setup
