#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>

#include <linux/filter.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "stepdown/facts.hpp"
#include "sys/fd.hpp"

namespace stepdown::sys {

// A value, or the errno the kernel answered with.
template <class T = void> using Sys = std::expected<T, int>;

inline constexpr gid_t kUnchanged = static_cast<gid_t>(-1); // chown(2): an id that stays as it is

// struct landlock_ruleset_attr of the kernel's ABI 6, whatever the headers of the build know.
struct LandlockHandled {
    std::uint64_t files = 0;  // LANDLOCK_ACCESS_FS_*
    std::uint64_t ports = 0;  // LANDLOCK_ACCESS_NET_*, ABI 4
    std::uint64_t scopes = 0; // LANDLOCK_SCOPE_*, ABI 6

    bool operator==(const LandlockHandled&) const = default;
};

// The seam: every call of the start that changes privileges or uses root's. Nothing above it decides anything, nothing
// below it does either, so that a test can record the calls (RecordingKernel) or fail one of them (FaultyKernel) and
// the rest of the program cannot tell. All methods are plain system calls: no retries, no policy, no allocation unless
// the result is a string.
class Kernel {
  public:
    virtual ~Kernel() = default;

    // ---- root-only work on files. dir is an open directory or AT_FDCWD. Nothing here ever follows a symbolic link.
    // openat2(2) with RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS; O_CLOEXEC is added. mode counts only with O_CREAT.
    virtual Sys<Fd> open_at(int dir, const char* path, int flags, mode_t mode = 0) = 0;
    // The same with RESOLVE_NO_XDEV: EXDEV when name is a mount point, a bind mount of the same file system too.
    virtual Sys<Fd> open_same_mount_at(int dir, const char* name, int flags) = 0;
    virtual Sys<> make_directory_at(int dir, const char* name, mode_t mode) = 0;
    virtual Sys<struct stat> stat_at(int dir, const char* name) = 0; // name "": dir itself
    // Mode, links, owner, group and inode of what is no mount point (else EXDEV), by statx(2); ENOSYS where the kernel
    // cannot tell, before 5.8.
    virtual Sys<struct stat> stat_same_mount_at(int dir, const char* name) = 0;
    virtual Sys<> change_owner_at(int dir, const char* name, uid_t uid, gid_t gid) = 0; // name "": dir itself
    virtual Sys<> change_mode(int fd, mode_t mode) = 0;                // fchmod(2): not for O_PATH descriptors
    virtual Sys<> remove_at(int dir, const char* name, int flags) = 0; // unlinkat(2)
    virtual Sys<> make_link_at(const char* target, int dir, const char* name) = 0; // symlinkat(2)
    virtual Sys<> make_fifo_at(int dir, const char* name, mode_t mode) = 0;
    virtual Sys<std::string> read_link_at(int dir, const char* name) = 0; // name "": dir itself, an O_PATH link
    virtual Sys<> change_mode_at(int pin, mode_t mode) = 0; // of what an O_PATH descriptor stands for; never of a link

    // ---- what the app inherits and only root may give it.
    virtual Sys<> set_limit(int resource, std::uint64_t soft, std::uint64_t hard) = 0; // prlimit(2)
    virtual Sys<> set_nice(int value) = 0;
    virtual Sys<> set_oom_score_adj(int value) = 0; // /proc/self/oom_score_adj

    // ---- stepping down, in credentials(7) and capabilities(7) words.
    virtual Sys<> close_from(unsigned first) = 0;         // close_range(2) to the end, without FLAG_UNSHARE
    virtual Sys<> drop_bounding(unsigned capability) = 0; // EINVAL above the kernel's last capability
    virtual Sys<> clear_ambient() = 0;
    virtual Sys<> raise_ambient(unsigned capability) = 0;           // it must be permitted and inheritable
    virtual Sys<> close_between(unsigned first, unsigned last) = 0; // close_range(2), both ends included
    virtual Sys<> set_securebits(unsigned bits) = 0;
    virtual Sys<> set_groups(std::span<const gid_t> groups) = 0;
    virtual Sys<> set_gid(gid_t gid) = 0; // setresgid(2), all three; the kernel sets the fs id with them
    virtual Sys<> set_uid(uid_t uid) = 0; // setresuid(2), likewise
    virtual Sys<> set_capabilities(const CapabilitySets& sets) = 0; // capset(2): effective, permitted, inheritable
    virtual Sys<> set_no_new_privs() = 0;
    virtual Sys<> set_dumpable(bool dumpable) = 0;
    virtual Sys<> set_subreaper() = 0;
    virtual Sys<> set_parent_death_signal(int number) = 0; // PR_SET_PDEATHSIG: a change of ids undoes it
    virtual Sys<> new_session_keyring() = 0; // keyctl(2) KEYCTL_JOIN_SESSION_KEYRING: empty, of the caller's ids

    // ---- confining.
    // seccomp(2) SECCOMP_SET_MODE_FILTER; flags are SECCOMP_FILTER_FLAG_*.
    virtual Sys<> load_filter(std::span<const sock_filter> program, unsigned flags = 0) = 0;
    // landlock(7). The kernel's ABI version, and a new ruleset: what it handles is denied but for the grants added.
    virtual Sys<unsigned> landlock_abi() = 0;
    virtual Sys<Fd> landlock_ruleset(const LandlockHandled& handled) = 0;
    virtual Sys<> landlock_grant_path(const Fd& ruleset, std::uint64_t access, const Fd& path) = 0; // path: O_PATH
    virtual Sys<> landlock_grant_port(const Fd& ruleset, std::uint64_t access, std::uint16_t port) = 0;
    virtual Sys<> landlock_restrict(int ruleset) = 0;        // the calling thread, for good; needs no_new_privs
    virtual Sys<Fd> move_descriptor(Fd from, int least) = 0; // fcntl(2) F_DUPFD_CLOEXEC, unless it is there already
    // The same with SECCOMP_FILTER_FLAG_NEW_LISTENER and these flags: the descriptor that its notifications come to.
    virtual Sys<Fd> load_listened_filter(std::span<const sock_filter> program, unsigned flags) = 0;

    // ---- the kernel's account, from /proc. A status file that is open already is read from its beginning: the kernel
    // writes it anew for every such read, and a caller whose filter forbids open(2) by then can still ask.
    virtual Sys<std::string> read_whole(const Fd& file) = 0;
    // The status file of a process by its number, or the caller's own (0). ESRCH where /proc is another PID
    // namespace's, so that a number means somebody else there.
    virtual Sys<Fd> open_status(pid_t pid) = 0;
    // What the calling thread can learn of itself by system calls alone, for a container without /proc: everything but
    // the number of filters, which only /proc tells.
    virtual Facts own_facts() = 0;
    virtual Sys<unsigned> securebits() = 0;

    // ---- the app.
    // A child process that shares this one's memory until it executes (clone(2) with CLONE_VM, without CLONE_VFORK): no
    // page tables are copied. child must not return and may call only async-signal-safe functions and this object.
    virtual Sys<pid_t> spawn(int (*child)(void*), void* context) = 0;
    virtual int execute(const char* path, char* const argv[], char* const envp[]) = 0; // returns only to give errno

  protected:
    Kernel() = default;
    Kernel(const Kernel&) = default;
    Kernel& operator=(const Kernel&) = default;
};

// The running kernel.
Kernel& real_kernel();

} // namespace stepdown::sys
