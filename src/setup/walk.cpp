#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include <fcntl.h>

#include "setup/walk.hpp"

namespace stepdown::setup {
namespace {

constexpr int kReadDirectory = O_RDONLY | O_DIRECTORY;

bool is_dot(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

// Removed by others while we look, or somebody else's mount: neither is ours to change.
bool is_passed_over(int error) { return error == ENOENT || error == EXDEV; }

Stream stream_from(sys::Fd& fd, std::atomic<int>& open) {
    DIR* const stream = ::fdopendir(fd.get());
    if (stream == nullptr) {
        return {};
    }
    fd.release();
    open.fetch_add(1, std::memory_order_relaxed);
    return Stream(stream, CloseDirectory(&open));
}

} // namespace

Result<> Walk::begin(sys::Fd top, std::string path) { return descend(std::move(top), std::move(path)); }

void Walk::help_with(std::shared_ptr<SharedDirectory> directory, std::string path) {
    helped_ = std::move(directory);
    levels_.push_back(
        {.stream = {}, .shared = helped_, .settled = true, .held = helped_->is_held(), .name = std::move(path)});
}

WalkState Walk::go() {
    waits_ = false;
    while (!levels_.empty() && !waits_) {
        if (crew_.is_over() || !step()) {
            return WalkState::kFailed;
        }
        if (looked_ - asked_at_ >= kAlone && crew_.somebody_idles()) {
            asked_at_ = looked_;
            share();
        }
    }
    return waits_ ? WalkState::kWaits : WalkState::kDone;
}

Result<> Walk::step() {
    Level& level = levels_.back();
    if (!level.taken.empty()) {
        return visit_taken(level);
    }
    if (level.shared) {
        const int error = level.shared->take(level.taken);
        return level.taken.empty() ? leave(error) : visit_taken(level);
    }
    if (level.exhausted) {
        return leave(0);
    }
    errno = 0;
    const dirent* const entry = ::readdir(level.stream.get());
    return entry == nullptr ? leave(errno) : visit(entry->d_name, entry->d_type);
}

Result<> Walk::visit_taken(Level& level) {
    const Entry entry = std::move(level.taken.back());
    level.taken.pop_back();
    return visit(entry.name.c_str(), entry.type);
}

// The outermost directory with names left: the largest part of the work, as a rule.
void Walk::share() {
    close_shared();
    for (std::size_t i = 0; i < levels_.size(); ++i) {
        Level& level = levels_[i];
        const bool has_names = level.shared ? !level.shared->is_exhausted() : level.stream && !level.exhausted;
        if (!has_names) {
            continue;
        }
        if (!level.shared && shared_.size() >= kMostShared) {
            return;
        }
        if (!level.shared) {
            level.shared = std::make_shared<SharedDirectory>(std::move(level.stream), level.held);
            shared_.push_back(i);
            std::ranges::sort(shared_);
        }
        crew_.offer(level.shared, path_of("", i + 1));
        return;
    }
}

// Those that nobody needs open before the walk comes back to them are set aside as others are.
void Walk::close_shared() {
    std::erase_if(shared_, [this](std::size_t i) {
        Level& level = levels_[i];
        if (i + 1 == levels_.size() || !level.shared->is_exhausted() || crew_.is_read_by_others(*level.shared)) {
            return false;
        }
        level.exhausted = true;
        level.shared.reset();
        return true;
    });
}

Result<> Walk::visit(const char* name, unsigned char type) {
    if (is_dot(name)) {
        return {};
    }
    tell();
    const int dir = innermost_fd();
    if (type == DT_DIR) {
        auto fd = open_below(dir, name, kReadDirectory);
        if (fd) {
            return descend(std::move(*fd), name);
        }
        if (is_passed_over(fd.error())) {
            return {};
        }
        if (fd.error() != ENOTDIR && fd.error() != ELOOP) {
            return crew_.failed({Act::kRead, fd.error()}, path_of(name));
        }
    } else if (levels_.back().held) {
        return visit_by_name(dir, name);
    } else if (last_was_settled_) {
        // By name, for speed: most files of most starts are settled, and for the others the answer only says: look
        // closer. After one that was not settled the next is not either, as a rule.
        const auto now = job_.kernel.stat_at(dir, name);
        if (!now) {
            return now.error() == ENOENT ? Result<>() : crew_.failed({Act::kLook, now.error()}, path_of(name));
        }
        if (!S_ISDIR(now->st_mode) && visitor_.is_settled(*now)) {
            return {};
        }
    }
    return visit_by_pin(dir, name);
}

// Most files of a tree that was root's, or another user's, come this way.
Result<> Walk::visit_by_name(int dir, const char* name) {
    const auto now = stat_below(dir, name);
    if (now ? S_ISDIR(now->st_mode) : now.error() == ENOSYS) {
        return visit_by_pin(dir, name);
    }
    if (!now) {
        return is_passed_over(now.error()) ? Result<>() : crew_.failed({Act::kLook, now.error()}, path_of(name));
    }
    if (visitor_.is_settled(*now)) {
        return {};
    }
    if (!visitor_.settle({dir, name}, *now)) {
        return visit_by_pin(dir, name); // a descriptor tells more about why
    }
    ++job_.changed;
    return {};
}

// O_PATH opens anything without waking it (a FIFO, a device, a link), and the answers about it can no longer be
// swapped.
Result<> Walk::visit_by_pin(int dir, const char* name) {
    const auto pin = open_below(dir, name, O_PATH | O_NOFOLLOW);
    if (!pin) {
        return is_passed_over(pin.error()) ? Result<>() : crew_.failed({Act::kLook, pin.error()}, path_of(name));
    }
    const auto now = job_.kernel.stat_at(pin->get(), "");
    if (!now) {
        return crew_.failed({Act::kLook, now.error()}, path_of(name));
    }
    if (S_ISDIR(now->st_mode)) {
        auto fd = job_.kernel.open_at(pin->get(), ".", kReadDirectory);
        if (!fd) {
            return fd.error() == ENOENT ? Result<>() : crew_.failed({Act::kRead, fd.error()}, path_of(name));
        }
        return descend(std::move(*fd), name);
    }
    last_was_settled_ = visitor_.is_settled(*now);
    if (last_was_settled_) {
        return {};
    }
    if (const auto done = visitor_.settle({pin->get()}, *now); !done) {
        return crew_.failed(done.error(), path_of(name), pin->get());
    }
    ++job_.changed;
    return {};
}

Result<> Walk::descend(sys::Fd fd, std::string name) {
    const auto now = job_.kernel.stat_at(fd.get(), "");
    if (!now) {
        return crew_.failed({Act::kLook, now.error()}, path_of(name));
    }
    Stream stream = stream_from(fd, crew_.open_directories());
    if (!stream) {
        return crew_.failed({Act::kRead, errno}, path_of(name));
    }
    const bool held = visitor_.hold(::dirfd(stream.get()), *now);
    levels_.push_back({.stream = std::move(stream),
                       .device = now->st_dev,
                       .inode = now->st_ino,
                       .settled = visitor_.is_settled(*now),
                       .held = held,
                       .name = std::move(name)});
    if (crew_.open_directories() > Crew::kOpenDirectories) {
        set_one_aside();
    }
    return {};
}

void Walk::set_one_aside() {
    for (; set_aside_ + 1 < levels_.size(); ++set_aside_) {
        if (Level& above = levels_[set_aside_]; above.stream) {
            above.position = ::telldir(above.stream.get());
            above.stream.reset();
            return;
        }
    }
}

Result<> Walk::leave(int error) {
    // A directory that was removed while it was open reads as ENOENT.
    if (error != 0 && error != ENOENT) {
        if (auto done = crew_.failed({Act::kRead, error}, path_of("")); !done) {
            return done;
        }
    }
    const Level& level = levels_.back();
    const bool is_own = levels_.size() > 1 || !helped_;
    if (is_own && level.shared && crew_.is_read_by_others(*level.shared)) {
        waits_ = true; // and comes here again
        return {};
    }
    if (!level.settled) {
        if (Result<> done = settle_innermost(); !done) {
            return done;
        }
    }
    if (Result<> done = reopen_parent(); !done) {
        return done;
    }
    levels_.pop_back();
    if (!shared_.empty() && shared_.back() == levels_.size()) {
        shared_.pop_back();
    }
    set_aside_ = std::min(set_aside_, levels_.size() - std::min<std::size_t>(levels_.size(), 1)); // the parent is open
    return {};
}

Result<> Walk::settle_innermost() {
    const int fd = innermost_fd();
    const auto now = job_.kernel.stat_at(fd, "");
    const auto done = now ? visitor_.settle({fd}, *now) : trouble(Act::kLook, now.error());
    if (!done) {
        return crew_.failed(done.error(), path_of(""), fd);
    }
    ++job_.changed;
    return {};
}

// The position stays good for a new descriptor of the same directory: NFS servers have relied on that for every file
// system since telldir(3) cookies travel over the wire.
Result<> Walk::reopen_parent() {
    if (levels_.size() < 2 || stream_of(levels_[levels_.size() - 2]) != nullptr) {
        return {};
    }
    Level& parent = levels_[levels_.size() - 2];
    auto fd = job_.kernel.open_at(innermost_fd(), "..", kReadDirectory);
    if (!fd) {
        return crew_.give_up({Act::kRead, fd.error()}, path_of(".."));
    }
    const auto now = job_.kernel.stat_at(fd->get(), "");
    if (!now) {
        return crew_.give_up({Act::kLook, now.error()}, path_of(".."));
    }
    if (now->st_dev != parent.device || now->st_ino != parent.inode) {
        return crew_.give_up(
            {Act::kEnter, 0, "the directory was moved while root worked in it: stop what uses it, start again"},
            path_of(""));
    }
    parent.stream = stream_from(*fd, crew_.open_directories());
    if (!parent.stream) {
        return crew_.give_up({Act::kRead, errno}, path_of(".."));
    }
    ::seekdir(parent.stream.get(), parent.position);
    return {};
}

sys::Sys<struct stat> Walk::stat_below(int dir, const char* name) {
    return job_.rules.cross_mounts ? job_.kernel.stat_at(dir, name) : job_.kernel.stat_same_mount_at(dir, name);
}

sys::Sys<sys::Fd> Walk::open_below(int dir, const char* name, int flags) {
    return job_.rules.cross_mounts ? job_.kernel.open_at(dir, name, flags)
                                   : job_.kernel.open_same_mount_at(dir, name, flags);
}

void Walk::tell() {
    if (++looked_ % kAlone == 0 && crew_.count(kAlone)) {
        crew_.tell(path_of(""));
    }
}

DIR* Walk::stream_of(const Level& level) { return level.shared ? level.shared->stream() : level.stream.get(); }

std::string Walk::path_of(std::string_view leaf, std::size_t levels) const {
    std::string path;
    for (const Level& level : std::span(levels_).first(levels)) {
        path += path.empty() ? level.name : '/' + level.name;
    }
    if (!leaf.empty()) {
        path += path.empty() ? "" : "/";
        path += leaf;
    }
    return path;
}

} // namespace stepdown::setup
