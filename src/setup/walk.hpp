#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <sys/stat.h>

#include "setup/job.hpp"

namespace stepdown::setup {

// What is to be true of every file of a tree.
class Visitor {
  public:
    virtual ~Visitor() = default;
    virtual bool is_settled(const struct stat& now) const = 0; // nothing to do for it; asked of every file, so cheap
    // fd is the file itself, whatever its name leads to by now: a file by O_PATH, a directory open for reading.
    // Directories come after all that is in them, so that nobody gains a directory that root still works in, and an
    // interrupted walk leaves the top unsettled.
    virtual Try<> settle(int fd, const struct stat& now) = 0;

  protected:
    Visitor() = default;
    Visitor(const Visitor&) = default;
    Visitor& operator=(const Visitor&) = default;
};

// Visits a tree that somebody hostile may have built and may be changing at this moment.
//
// It stays inside: every name is opened within its parent's descriptor, no link is followed and, unless the rules say
// so, no mount point entered (open_same_mount_at); what is changed is the opened file, never a name. A name that
// vanishes is passed over. It stays small: a few words of memory a level, and at most kOpenLevels descriptors. Higher
// levels are closed with their position remembered and found again through "..", which must lead to the same device and
// inode as before: else the tree was moved meanwhile, and the walk ends there with an error.
class Walk {
  public:
    Walk(Job& job, Visitor& visitor) : job_(job), visitor_(visitor) {}
    Result<> run(sys::Fd top, std::string path); // top: a directory open for reading

  private:
    static constexpr std::size_t kOpenLevels = 64;

    struct Close {
        void operator()(DIR* stream) const noexcept { ::closedir(stream); }
    };
    using Stream = std::unique_ptr<DIR, Close>;

    struct Level {
        Stream stream; // empty while set aside
        long position = 0;
        dev_t device = 0;
        ino_t inode = 0;
        bool settled = false;
        std::string name;
    };

    Result<> visit(const dirent& entry);
    Result<> visit_by_pin(int dir, const char* name);
    Result<> descend(sys::Fd fd, std::string name);
    Result<> leave(int error);
    Result<> reopen_parent();
    std::string path_of(std::string_view leaf) const;
    sys::Sys<sys::Fd> open_below(int dir, const char* name, int flags);
    void tell();

    Job& job_;
    Visitor& visitor_;
    std::vector<Level> levels_;
    bool last_was_settled_ = true;
    std::uint64_t looked_ = 0;
};

} // namespace stepdown::setup
