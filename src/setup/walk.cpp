#include <cerrno>
#include <cstring>

#include <fcntl.h>

#include "setup/walk.hpp"

namespace stepdown::setup {
namespace {

constexpr int kReadDirectory = O_RDONLY | O_DIRECTORY;

bool is_dot(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

// Removed by others while we look, or somebody else's mount: neither is ours to change.
bool is_passed_over(int error) { return error == ENOENT || error == EXDEV; }

DIR* stream_from(sys::Fd& fd) {
    DIR* const stream = ::fdopendir(fd.get());
    if (stream != nullptr) {
        fd.release();
    }
    return stream;
}

} // namespace

Result<> Walk::run(sys::Fd top, std::string path) {
    Result<> done = descend(std::move(top), std::move(path));
    while (done && !levels_.empty()) {
        errno = 0;
        const dirent* const entry = ::readdir(levels_.back().stream.get());
        done = entry == nullptr ? leave(errno) : visit(*entry);
    }
    return done;
}

Result<> Walk::visit(const dirent& entry) {
    if (is_dot(entry.d_name)) {
        return {};
    }
    tell();
    const int dir = ::dirfd(levels_.back().stream.get());
    if (entry.d_type == DT_DIR) {
        auto fd = open_below(dir, entry.d_name, kReadDirectory);
        if (fd) {
            return descend(std::move(*fd), entry.d_name);
        }
        if (is_passed_over(fd.error())) {
            return {};
        }
        if (fd.error() != ENOTDIR && fd.error() != ELOOP) {
            return job_.failed({Act::kRead, fd.error()}, path_of(entry.d_name));
        }
    } else if (last_was_settled_) {
        // By name, for speed: most files of most starts are settled, and for the others the answer only says: look
        // closer. After one that was not settled the next is not either, as a rule.
        const auto now = job_.kernel.stat_at(dir, entry.d_name);
        if (!now) {
            return now.error() == ENOENT ? Result<>() : job_.failed({Act::kLook, now.error()}, path_of(entry.d_name));
        }
        if (!S_ISDIR(now->st_mode) && visitor_.is_settled(*now)) {
            return {};
        }
    }
    return visit_by_pin(dir, entry.d_name);
}

// O_PATH opens anything without waking it (a FIFO, a device, a link), and the answers about it can no longer be
// swapped.
Result<> Walk::visit_by_pin(int dir, const char* name) {
    const auto pin = open_below(dir, name, O_PATH | O_NOFOLLOW);
    if (!pin) {
        return is_passed_over(pin.error()) ? Result<>() : job_.failed({Act::kLook, pin.error()}, path_of(name));
    }
    const auto now = job_.kernel.stat_at(pin->get(), "");
    if (!now) {
        return job_.failed({Act::kLook, now.error()}, path_of(name));
    }
    if (S_ISDIR(now->st_mode)) {
        auto fd = job_.kernel.open_at(pin->get(), ".", kReadDirectory);
        if (!fd) {
            return fd.error() == ENOENT ? Result<>() : job_.failed({Act::kRead, fd.error()}, path_of(name));
        }
        return descend(std::move(*fd), name);
    }
    last_was_settled_ = visitor_.is_settled(*now);
    if (last_was_settled_) {
        return {};
    }
    if (const auto done = visitor_.settle(pin->get(), *now); !done) {
        return job_.failed(done.error(), path_of(name), pin->get());
    }
    ++job_.changed;
    return {};
}

Result<> Walk::descend(sys::Fd fd, std::string name) {
    const auto now = job_.kernel.stat_at(fd.get(), "");
    if (!now) {
        return job_.failed({Act::kLook, now.error()}, path_of(name));
    }
    Stream stream(stream_from(fd));
    if (!stream) {
        return job_.failed({Act::kRead, errno}, path_of(name));
    }
    levels_.push_back({std::move(stream), 0, now->st_dev, now->st_ino, visitor_.is_settled(*now), std::move(name)});
    if (levels_.size() > kOpenLevels) {
        Level& above = levels_[levels_.size() - 1 - kOpenLevels];
        if (above.stream) {
            above.position = ::telldir(above.stream.get());
            above.stream.reset();
        }
    }
    return {};
}

Result<> Walk::leave(int error) {
    // A directory that was removed while it was open reads as ENOENT.
    if (error != 0 && error != ENOENT) {
        if (auto done = job_.failed({Act::kRead, error}, path_of("")); !done) {
            return done;
        }
    }
    const Level& level = levels_.back();
    if (const int fd = ::dirfd(level.stream.get()); !level.settled) {
        const auto now = job_.kernel.stat_at(fd, "");
        const auto done = now ? visitor_.settle(fd, *now) : trouble(Act::kLook, now.error());
        if (!done) {
            if (auto told = job_.failed(done.error(), path_of(""), fd); !told) {
                return told;
            }
        } else {
            ++job_.changed;
        }
    }
    if (auto done = reopen_parent(); !done) {
        return done;
    }
    levels_.pop_back();
    return {};
}

// The position stays good for a new descriptor of the same directory: NFS servers have relied on that for every file
// system since telldir(3) cookies travel over the wire.
Result<> Walk::reopen_parent() {
    if (levels_.size() < 2 || levels_[levels_.size() - 2].stream) {
        return {};
    }
    Level& parent = levels_[levels_.size() - 2];
    auto fd = job_.kernel.open_at(::dirfd(levels_.back().stream.get()), "..", kReadDirectory);
    if (!fd) {
        return job_.give_up({Act::kRead, fd.error()}, path_of(".."));
    }
    const auto now = job_.kernel.stat_at(fd->get(), "");
    if (!now) {
        return job_.give_up({Act::kLook, now.error()}, path_of(".."));
    }
    if (now->st_dev != parent.device || now->st_ino != parent.inode) {
        return job_.give_up(
            {Act::kEnter, 0, "the directory was moved while root worked in it: stop what uses it, start again"},
            path_of(""));
    }
    parent.stream.reset(stream_from(*fd));
    if (!parent.stream) {
        return job_.give_up({Act::kRead, errno}, path_of(".."));
    }
    ::seekdir(parent.stream.get(), parent.position);
    return {};
}

sys::Sys<sys::Fd> Walk::open_below(int dir, const char* name, int flags) {
    return job_.rules.cross_mounts ? job_.kernel.open_at(dir, name, flags)
                                   : job_.kernel.open_same_mount_at(dir, name, flags);
}

void Walk::tell() {
    if (++looked_ % Progress::kLooksPerReport == 0 && job_.progress != nullptr) {
        job_.progress->tell(looked_, job_.changed, path_of(""));
    }
}

std::string Walk::path_of(std::string_view leaf) const {
    std::string path;
    for (const Level& level : levels_) {
        path += path.empty() ? level.name : '/' + level.name;
    }
    if (!leaf.empty()) {
        path += path.empty() ? "" : "/";
        path += leaf;
    }
    return path;
}

} // namespace stepdown::setup
