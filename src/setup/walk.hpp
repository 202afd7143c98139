#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <sys/stat.h>

#include "setup/crew.hpp"
#include "setup/job.hpp"
#include "setup/place.hpp"

namespace stepdown::setup {

// What is to be true of every file of a tree.
class Visitor {
  public:
    virtual ~Visitor() = default;
    virtual bool is_settled(const struct stat& now) const = 0; // nothing to do for it; asked of every file, so cheap
    // A descriptor is the file itself, whatever its name leads to by now: a file by O_PATH, a directory open for
    // reading. Directories come after all that is in them, so that nobody gains a directory that root still works in,
    // and an interrupted walk leaves the top unsettled.
    virtual Try<> settle(const Target& file, const struct stat& now) = 0;
    // Of a directory before its files: whether nobody but root can make one of its names another file's until it is
    // settled. If so they come by name.
    virtual bool hold(int fd, const struct stat& now) = 0;

  protected:
    Visitor() = default;
    Visitor(const Visitor&) = default;
    Visitor& operator=(const Visitor&) = default;
};

// Visits a tree that somebody hostile may have built and may be changing at this moment, or, together with the others
// of its crew, a share of it.
//
// It stays inside: every name is opened within its parent's descriptor, no link is followed and, unless the rules say
// so, no mount point entered (open_same_mount_at); what is changed is the opened file, or a name in a directory that is
// held, where nobody can swap it: two calls a file instead of four. A name that vanishes is passed over. It stays
// small: a few words of memory a level, and few descriptors. Higher levels are closed with their position remembered
// and found again through "..", which must lead to the same device and inode as before: else the tree was moved
// meanwhile, and the walk ends there with an error.
class Walk {
  public:
    explicit Walk(Crew& crew) : crew_(crew), job_(crew.job()), visitor_(crew.visitor()) {}

    Result<> begin(sys::Fd top, std::string path);                                // the whole of it
    void help_with(std::shared_ptr<SharedDirectory> directory, std::string path); // some of another's directory

    WalkState go(); // until there is nothing left, or nothing but what others do

    SharedDirectory& innermost() { return *levels_.back().shared; } // which it waits for
    SharedDirectory* helped() const { return helped_.get(); }

  private:
    struct Level {
        Stream stream; // empty while set aside, and once it is shared
        std::shared_ptr<SharedDirectory> shared = {};
        std::vector<Entry> taken = {}; // of the shared one, not visited yet
        long position = 0;
        dev_t device = 0;
        ino_t inode = 0;
        bool settled = false;
        bool held = false;
        bool exhausted = false; // while set aside: its names are through
        std::string name = {};
    };

    // How many names are visited before help is looked for once more.
    static constexpr std::uint64_t kAlone = 64;
    static constexpr std::size_t kMostShared = 8; // levels, which stay open for the others

    Result<> step();
    Result<> visit_taken(Level& level);
    Result<> visit(const char* name, unsigned char type);
    Result<> visit_by_name(int dir, const char* name);
    Result<> visit_by_pin(int dir, const char* name);
    Result<> descend(sys::Fd fd, std::string name);
    Result<> leave(int error);
    Result<> settle_innermost();
    Result<> reopen_parent();
    void set_one_aside();
    void share();
    void close_shared();
    static DIR* stream_of(const Level& level);
    int innermost_fd() const { return ::dirfd(stream_of(levels_.back())); }
    std::string path_of(std::string_view leaf) const { return path_of(leaf, levels_.size()); }
    std::string path_of(std::string_view leaf, std::size_t levels) const;
    sys::Sys<struct stat> stat_below(int dir, const char* name);
    sys::Sys<sys::Fd> open_below(int dir, const char* name, int flags);
    void tell();

    Crew& crew_;
    Job& job_;
    Visitor& visitor_;
    std::shared_ptr<SharedDirectory> helped_; // the outermost level is another's
    std::vector<Level> levels_;
    std::size_t set_aside_ = 0;       // levels below this are closed, or shared
    std::vector<std::size_t> shared_; // levels, from the outermost
    bool last_was_settled_ = true;
    bool waits_ = false;
    std::uint64_t looked_ = 0;
    std::uint64_t asked_at_ = 0; // of looked_
};

} // namespace stepdown::setup
