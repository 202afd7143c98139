#include <array>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/job.hpp"
#include "setup/place.hpp"
#include "sys/write.hpp"

namespace stepdown::setup {
namespace {

constexpr int kDeepest = 200; // each level has descriptors open; what an image copies is not deeper

struct Close {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

// Copies what is at one place to another, by descriptors on both sides. What is there already stays as it is.
class Copying {
  public:
    Copying(Job& job, const SetupStep& step) : job_(job), step_(step) {}

    Result<> entry(const Place& from, const Place& to, int depth) {
        const auto source = look_at(job_.kernel, from);
        if (!source || !*source) {
            return source ? Result<>() : job_.give_up(source.error(), from.path);
        }
        const struct stat& now = (*source)->now;
        switch (now.st_mode & S_IFMT) {
        case S_IFREG:
            return file(from, to, now);
        case S_IFDIR:
            return directory(from, to, now, depth);
        case S_IFLNK:
            return link(from, to);
        case S_IFIFO:
            return fifo(to, now);
        default:
            return job_.give_up({Act::kRead, 0, "a device or a socket cannot be copied"}, from.path);
        }
    }

  private:
    // The owner and mode of the source, its times too.
    Result<> dress(const Place& to, const struct stat& like) {
        const auto made = look_at(job_.kernel, to);
        if (!made || !*made) {
            return job_.give_up(made ? Trouble{Act::kEnter, ENOENT} : made.error(), to.path);
        }
        const Wanted wanted{step_.uid ? step_.uid : std::optional(like.st_uid),
                            step_.gid ? step_.gid : std::optional(like.st_gid), like.st_mode & kPermissionBits};
        if (const auto set = settle(job_, {(*made)->pin.get()}, (*made)->now, wanted); !set) {
            return job_.give_up(set.error(), to.path, (*made)->pin.get());
        }
        const timespec times[2] = {like.st_atim, like.st_mtim};
        ::utimensat(to.parent.get(), to.name.c_str(), times, AT_SYMLINK_NOFOLLOW); // a nicety
        ++job_.changed;
        return {};
    }

    Result<> file(const Place& from, const Place& to, const struct stat& now) {
        const auto in = job_.kernel.open_at(from.parent.get(), from.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
        if (!in) {
            return job_.give_up({Act::kRead, in.error()}, from.path);
        }
        const auto out =
            job_.kernel.open_at(to.parent.get(), to.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (!out) {
            return out.error() == EEXIST ? Result<>() : job_.give_up({Act::kCreate, out.error()}, to.path);
        }
        static std::array<char, 65536> buffer;
        for (;;) {
            const ssize_t got = ::read(in->get(), buffer.data(), buffer.size());
            if (got < 0) {
                return job_.give_up({Act::kRead, errno}, from.path);
            }
            if (got == 0) {
                return dress(to, now);
            }
            const auto put = sys::write_whole(out->get(), {buffer.data(), static_cast<std::size_t>(got)});
            if (!put) {
                return job_.give_up({Act::kWrite, put.error()}, to.path);
            }
        }
    }

    Result<> link(const Place& from, const Place& to) {
        const auto target = job_.kernel.read_link_at(from.parent.get(), from.name.c_str());
        if (!target) {
            return job_.give_up({Act::kRead, target.error()}, from.path);
        }
        const auto made = job_.kernel.make_link_at(target->c_str(), to.parent.get(), to.name.c_str());
        if (!made && made.error() != EEXIST) {
            return job_.give_up({Act::kCreate, made.error()}, to.path);
        }
        job_.changed += made ? 1 : 0;
        return {};
    }

    Result<> fifo(const Place& to, const struct stat& now) {
        const auto made = job_.kernel.make_fifo_at(to.parent.get(), to.name.c_str(), 0600);
        if (!made) {
            return made.error() == EEXIST ? Result<>() : job_.give_up({Act::kCreate, made.error()}, to.path);
        }
        return dress(to, now);
    }

    Result<> directory(const Place& from, const Place& to, const struct stat& now, int depth) {
        if (depth > kDeepest) {
            return job_.give_up({Act::kRead, 0, "it is too deep to be copied"}, from.path);
        }
        const auto made = job_.kernel.make_directory_at(to.parent.get(), to.name.c_str(), 0700);
        if (!made && made.error() != EEXIST) {
            return job_.give_up({Act::kCreate, made.error()}, to.path);
        }
        auto below = job_.kernel.open_at(to.parent.get(), to.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
        auto names = job_.kernel.open_at(from.parent.get(), from.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        auto source = job_.kernel.open_at(from.parent.get(), from.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
        if (!below || !names || !source) {
            return job_.give_up({Act::kRead, !below   ? below.error()
                                             : !names ? names.error()
                                                      : source.error()},
                                below ? from.path : to.path);
        }
        Place inner_from{std::move(*source), {}, {}};
        Place inner_to{std::move(*below), {}, {}};
        const std::unique_ptr<DIR, Close> stream(::fdopendir(names->get()));
        if (!stream) {
            return job_.give_up({Act::kRead, errno}, from.path);
        }
        names->release();
        for (const dirent* item = ::readdir(stream.get()); item != nullptr; item = ::readdir(stream.get())) {
            inner_from.name = inner_to.name = item->d_name;
            if (inner_from.name == "." || inner_from.name == "..") {
                continue;
            }
            inner_from.path = from.path + '/' + inner_from.name;
            inner_to.path = to.path + '/' + inner_to.name;
            if (auto done = entry(inner_from, inner_to, depth + 1); !done) {
                return done;
            }
        }
        return made ? dress(to, now) : Result<>();
    }

    Job& job_;
    const SetupStep& step_;
};

Result<bool> is_empty_directory(Job& job, const Place& place, const Found& found) {
    auto fd = job.kernel.open_at(found.pin.get(), ".", O_RDONLY | O_DIRECTORY);
    if (!fd) {
        return job.give_up({Act::kRead, fd.error()}, place.path);
    }
    const std::unique_ptr<DIR, Close> stream(::fdopendir(fd->get()));
    if (!stream) {
        return job.give_up({Act::kRead, errno}, place.path);
    }
    fd->release();
    int entries = 0;
    while (::readdir(stream.get()) != nullptr) {
        ++entries;
    }
    return entries <= 2;
}

enum class Way { kFree, kKept, kOther }; // copied there; what is there stays, with the line's owner; of another type

// "if the destination files or directories do not exist yet or the destination directory is empty"; "+": merge.
Result<Way> way_for(Job& job, const SetupStep& step, const struct stat& source, const Place& to) {
    const auto found = look_at(job.kernel, to);
    if (!found) {
        return job.give_up(found.error(), to.path);
    }
    if (!*found) {
        return Way::kFree;
    }
    const mode_t type = (*found)->now.st_mode & S_IFMT;
    if (type != (source.st_mode & S_IFMT)) {
        return Way::kOther;
    }
    if (type != S_IFDIR || step.force) {
        return type == S_IFDIR ? Way::kFree : Way::kKept;
    }
    const auto empty = is_empty_directory(job, to, **found);
    return empty ? Result<Way>(*empty ? Way::kFree : Way::kKept) : std::unexpected(empty.error());
}

} // namespace

// A source that does not exist is passed over, as systemd-tmpfiles does: factory defaults are optional.
Result<> copy(Job& job, const SetupStep& step) {
    const auto from = reach(job, step.argument, false);
    if (!from) {
        return std::unexpected(from.error());
    }
    const auto source = *from ? look_at(job.kernel, **from) : Try<std::optional<Found>>(std::nullopt);
    if (!source || !*source) {
        return source ? Result<>() : job.give_up(source.error(), step.argument);
    }
    const auto to = reach(job, step.path, true);
    if (!to) {
        return std::unexpected(to.error());
    }
    const auto way = way_for(job, step, (*source)->now, **to);
    if (!way || *way == Way::kOther) {
        return way ? Result<>() : std::unexpected(way.error());
    }
    if (*way == Way::kFree) {
        if (auto copied = Copying(job, step).entry(**from, **to, 0); !copied) {
            return copied;
        }
    }
    return settle_place(job, step, **to, false);
}

} // namespace stepdown::setup
