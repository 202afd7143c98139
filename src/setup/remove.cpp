#include <cerrno>
#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "setup/glob.hpp"
#include "setup/job.hpp"
#include "setup/place.hpp"

namespace stepdown::setup {
namespace {

constexpr int kReadDirectory = O_RDONLY | O_DIRECTORY;

// Empties a directory whatever its depth, with two descriptors: the way up is "..", which must lead to the directory
// that was come from. What cannot be removed ends it.
class Emptying {
  public:
    Emptying(Job& job, std::string path) : job_(job), path_(std::move(path)) {}

    Result<> run(sys::Fd top) {
        here_ = std::move(top);
        for (;;) {
            const auto deeper = remove_entries();
            if (!deeper) {
                return std::unexpected(deeper.error());
            }
            if (*deeper) {
                continue;
            }
            if (levels_.empty()) {
                return {};
            }
            if (auto left = leave(); !left) {
                return left;
            }
        }
    }

  private:
    struct Level {
        std::string name;
        dev_t device;
        ino_t inode; // of the directory that has the name
    };
    struct Close {
        void operator()(DIR* stream) const noexcept { ::closedir(stream); }
    };

    std::unexpected<Error> give_up(const Trouble& trouble, std::string_view name) {
        std::string path = path_;
        for (const Level& level : levels_) {
            path += '/' + level.name;
        }
        return job_.give_up(trouble, name.empty() ? path : path + '/' + std::string(name));
    }

    // Until all are gone, or one is a directory that has to be emptied first: true, and here_ is it.
    Result<bool> remove_entries() {
        auto fd = job_.kernel.open_at(here_.get(), ".", kReadDirectory);
        if (!fd) {
            return give_up({Act::kRead, fd.error()}, "");
        }
        const std::unique_ptr<DIR, Close> stream(::fdopendir(fd->get()));
        if (!stream) {
            return give_up({Act::kRead, errno}, "");
        }
        fd->release();
        for (const dirent* entry = ::readdir(stream.get()); entry != nullptr; entry = ::readdir(stream.get())) {
            const std::string name = entry->d_name;
            if (name == "." || name == "..") {
                continue;
            }
            auto gone = job_.kernel.remove_at(here_.get(), name.c_str(), 0);
            if (!gone && (gone.error() == EISDIR || gone.error() == EPERM)) {
                gone = job_.kernel.remove_at(here_.get(), name.c_str(), AT_REMOVEDIR);
            }
            if (!gone && (gone.error() == ENOTEMPTY || gone.error() == EEXIST)) {
                return descend(name);
            }
            if (!gone && gone.error() != ENOENT) {
                return give_up({Act::kRemove, gone.error()}, name);
            }
            job_.changed += gone ? 1 : 0;
        }
        return false;
    }

    Result<bool> descend(const std::string& name) {
        const auto now = job_.kernel.stat_at(here_.get(), "");
        auto next = job_.kernel.open_same_mount_at(here_.get(), name.c_str(), kReadDirectory);
        if (!now || !next) {
            return give_up({Act::kRead, now ? next.error() : now.error()}, name);
        }
        levels_.push_back({name, now->st_dev, now->st_ino});
        here_ = std::move(*next);
        return true;
    }

    Result<> leave() {
        auto up = job_.kernel.open_at(here_.get(), "..", kReadDirectory);
        const auto now = up ? job_.kernel.stat_at(up->get(), "") : std::unexpected(up.error());
        if (!now) {
            return give_up({Act::kRead, now.error()}, "..");
        }
        if (now->st_dev != levels_.back().device || now->st_ino != levels_.back().inode) {
            return give_up({Act::kEnter, 0, "the directory was moved while root worked in it: stop what uses it"}, "");
        }
        here_ = std::move(*up);
        const std::string name = std::move(levels_.back().name);
        levels_.pop_back();
        const auto gone = job_.kernel.remove_at(here_.get(), name.c_str(), AT_REMOVEDIR);
        if (!gone && gone.error() != ENOENT && gone.error() != ENOTEMPTY) { // somebody adds: another round
            return give_up({Act::kRemove, gone.error()}, name);
        }
        job_.changed += gone ? 1 : 0;
        return {};
    }

    Job& job_;
    std::string path_;
    sys::Fd here_;
    std::vector<Level> levels_;
};

Result<> remove_one(Job& job, const SetupStep&, const Place& place) {
    auto gone = job.kernel.remove_at(place.parent.get(), place.name.c_str(), 0);
    if (!gone && (gone.error() == EISDIR || gone.error() == EPERM)) {
        gone = job.kernel.remove_at(place.parent.get(), place.name.c_str(), AT_REMOVEDIR);
    }
    if (!gone && gone.error() != ENOENT) {
        return job.give_up({Act::kRemove, gone.error()}, place.path);
    }
    job.changed += gone ? 1 : 0;
    return {};
}

} // namespace

Result<> remove_content(Job& job, const Place& place, int directory) {
    auto top = job.kernel.open_at(directory, ".", kReadDirectory);
    if (!top) {
        return job.give_up({Act::kRead, top.error()}, place.path);
    }
    return Emptying(job, place.path).run(std::move(*top));
}

Result<> remove_all(Job& job, const Place& place) {
    const auto found = look_at(job.kernel, place);
    if (!found || !*found) {
        return found ? Result<>() : job.give_up(found.error(), place.path);
    }
    if (S_ISDIR((*found)->now.st_mode)) {
        if (auto emptied = remove_content(job, place, (*found)->pin.get()); !emptied) {
            return emptied;
        }
    }
    return remove_one(job, {}, place);
}

Result<> remove_files(Job& job, const SetupStep& step) { return for_each_match(job, step, remove_one); }

Result<> remove_trees(Job& job, const SetupStep& step) {
    return for_each_match(job, step,
                          [](Job& same, const SetupStep&, const Place& place) { return remove_all(same, place); });
}

} // namespace stepdown::setup
