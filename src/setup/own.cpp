#include <fcntl.h>
#include <sys/stat.h>

#include "setup/job.hpp"
#include "setup/path.hpp"
#include "setup/walk.hpp"

namespace stepdown::setup {
namespace {

// Gives files to the app.
//
// A file with several names may have one of them outside the tree: the last run's app links /etc/shadow into its
// volume, root gives "its" file to it (CVE-2017-18078). Where fs.protected_hardlinks is on only an owner, or who may
// write the file anyway, can link it (proc_sys_fs(5)), so a file of an ordinary user is safe to pass on. One of root's
// never is: the sysctl may have been off, or the file writable, when the link was made.
//
// chown(2) clears setuid, setgid and file capabilities of what it changes, directories excepted: root's setuid program
// becomes the app's plain one.
class Owner final : public Visitor {
  public:
    Owner(sys::Kernel& kernel, uid_t uid, gid_t gid) : kernel_(kernel), uid_(uid), gid_(gid) {}

    bool is_settled(const struct stat& now) const override { return now.st_uid == uid_ && now.st_gid == gid_; }

    Try<> settle(int fd, const struct stat& now) override {
        if (!S_ISDIR(now.st_mode) && now.st_nlink > 1) {
            if (now.st_uid == 0) {
                return refusal(Act::kOwner,
                               "it is root's and has more than one name (hard links), maybe outside the tree: "
                               "replace it by a copy, or remove it");
            }
            if (!links_are_protected()) {
                return refusal(Act::kOwner,
                               "it has more than one name (hard links), and fs.protected_hardlinks is not 1: "
                               "set it, or replace the file by a copy");
            }
        }
        if (const auto given = kernel_.change_owner_at(fd, "", uid_, gid_); !given) {
            return trouble(Act::kOwner, given.error());
        }
        return is_believed_ ? Try<>() : believe(fd);
    }

  private:
    // CIFS, 9p and some FUSE file systems answer 0 and change nothing. The walk stays on one mount: one file speaks for
    // all.
    Try<> believe(int fd) {
        const auto now = kernel_.stat_at(fd, "");
        if (!now) {
            return trouble(Act::kLook, now.error());
        }
        if (!is_settled(*now)) {
            return refusal(Act::kOwner,
                           "the file system took it and keeps another: set uid= and gid= where it is mounted");
        }
        is_believed_ = true;
        return {};
    }

    bool links_are_protected() {
        if (!links_are_protected_) {
            const auto file = kernel_.open_at(AT_FDCWD, "/proc/sys/fs/protected_hardlinks", O_RDONLY);
            const auto text = file ? kernel_.read_whole(*file) : std::unexpected(file.error());
            links_are_protected_ = text && *text == "1\n"; // no /proc: no protection
        }
        return *links_are_protected_;
    }

    sys::Kernel& kernel_;
    uid_t uid_;
    gid_t gid_;
    bool is_believed_ = false;
    std::optional<bool> links_are_protected_;
};

Result<> own_file(Job& job, int pin, const struct stat& now, const std::string& path) {
    Owner owner(job.kernel, job.uid, job.gid);
    if (owner.is_settled(now)) {
        return {};
    }
    if (const auto done = owner.settle(pin, now); !done) {
        return job.give_up(done.error(), path, pin);
    }
    ++job.changed;
    return {};
}

} // namespace

// The path itself may be a mount point, and a file; what is mounted below it is left alone.
Result<> own(Job& job, const SetupStep& step) {
    const auto names = components(step.path);
    if (!names) {
        return job.give_up(names.error(), step.path);
    }
    auto here = open_root(job.kernel);
    std::string path;
    for (std::size_t i = 0; here && i + 1 < names->size(); ++i) {
        path += '/' + (*names)[i];
        here = enter(job.kernel, here->get(), (*names)[i]);
    }
    if (!here) {
        return job.give_up(here.error(), path);
    }
    path += '/' + names->back();
    const auto pin = job.kernel.open_at(here->get(), names->back().c_str(), O_PATH | O_NOFOLLOW);
    if (!pin) {
        return job.give_up({Act::kEnter, pin.error()}, path);
    }
    const auto now = job.kernel.stat_at(pin->get(), "");
    if (!now) {
        return job.give_up({Act::kLook, now.error()}, path);
    }
    if (S_ISLNK(now->st_mode)) {
        return job.give_up({Act::kEnter, ELOOP}, path);
    }
    if (!S_ISDIR(now->st_mode)) {
        return own_file(job, pin->get(), *now, path);
    }
    auto top = job.kernel.open_at(pin->get(), ".", O_RDONLY | O_DIRECTORY);
    if (!top) {
        return job.give_up({Act::kRead, top.error()}, path);
    }
    Owner owner(job.kernel, job.uid, job.gid);
    return Walk(job, owner).run(std::move(*top), path);
}

} // namespace stepdown::setup
