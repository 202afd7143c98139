#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/kernel.hpp"

namespace stepdown::sys {
namespace {

// clone(2) wants the stack of a CLONE_VM child from its caller. The child only loads a filter, asks and executes.
constexpr std::size_t kChildStack = 64UZ * 1024;
constexpr std::size_t kStackAlignment = 4096; // so that what it uses is one page and not two
// The same numbers on every machine, landlock(7). The headers of the build may be older than the kernel.
constexpr long kLandlockCreate = 444;
constexpr long kLandlockAdd = 445;
constexpr long kLandlockRestrict = 446;

alignas(kStackAlignment) char child_stack[kChildStack];

constexpr long kFchmodat2 = 452; // the same on every architecture since Linux 6.6; older headers have no name for it

Sys<> done(long result) { return result < 0 ? Sys<>(std::unexpected(errno)) : Sys<>(); }

// capget(2) for three of the sets, prctl(2) one capability at a time for the other two, up to the first one that this
// kernel does not know.
std::optional<CapabilitySets> own_capabilities() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) < 0) {
        return std::nullopt;
    }
    const auto wide = [](std::uint32_t low, std::uint32_t high) {
        return low | static_cast<std::uint64_t>(high) << 32;
    };
    CapabilitySets sets{.inheritable = wide(data[0].inheritable, data[1].inheritable),
                        .permitted = wide(data[0].permitted, data[1].permitted),
                        .effective = wide(data[0].effective, data[1].effective)};
    for (unsigned capability = 0; capability < 64; ++capability) {
        const int bounding = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (bounding < 0) {
            break;
        }
        const int ambient = ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0);
        sets.bounding |= static_cast<std::uint64_t>(bounding == 1) << capability;
        sets.ambient |= static_cast<std::uint64_t>(ambient == 1) << capability;
    }
    return sets;
}

Sys<Fd> open_resolving(int dir, const char* path, int flags, mode_t mode, std::uint64_t resolve) {
    struct open_how how{};
    how.flags = static_cast<__u64>(flags | O_CLOEXEC);
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = resolve;
    const long fd = ::syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd < 0) {
        return std::unexpected(errno);
    }
    return Fd(static_cast<int>(fd));
}

class RealKernel final : public Kernel {
  public:
    Sys<Fd> open_at(int dir, const char* path, int flags, mode_t mode) override {
        return open_resolving(dir, path, flags, mode, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    }

    Sys<Fd> open_same_mount_at(int dir, const char* name, int flags) override {
        return open_resolving(dir, name, flags, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
    }

    Sys<> make_directory_at(int dir, const char* name, mode_t mode) override {
        return done(::mkdirat(dir, name, mode));
    }

    Sys<struct stat> stat_at(int dir, const char* name) override {
        struct stat found{};
        if (::fstatat(dir, name, &found, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) {
            return std::unexpected(errno);
        }
        return found;
    }

    Sys<struct stat> stat_same_mount_at(int dir, const char* name) override {
        struct statx seen{};
        if (::syscall(SYS_statx, dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &seen) < 0) {
            return std::unexpected(errno);
        }
        if ((seen.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0) {
            return std::unexpected(ENOSYS);
        }
        if ((seen.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
            return std::unexpected(EXDEV);
        }
        struct stat found{};
        found.st_mode = seen.stx_mode;
        found.st_nlink = seen.stx_nlink;
        found.st_uid = seen.stx_uid;
        found.st_gid = seen.stx_gid;
        found.st_ino = seen.stx_ino;
        return found;
    }

    Sys<> change_owner_at(int dir, const char* name, uid_t uid, gid_t gid) override {
        return done(::fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
    }

    Sys<> change_mode(int fd, mode_t mode) override { return done(::fchmod(fd, mode)); }

    Sys<> remove_at(int dir, const char* name, int flags) override { return done(::unlinkat(dir, name, flags)); }

    Sys<> make_link_at(const char* target, int dir, const char* name) override {
        return done(::symlinkat(target, dir, name));
    }

    Sys<> make_fifo_at(int dir, const char* name, mode_t mode) override { return done(::mkfifoat(dir, name, mode)); }

    Sys<std::string> read_link_at(int dir, const char* name) override {
        std::string target(PATH_MAX, '\0');
        const ssize_t length = ::readlinkat(dir, name, target.data(), target.size());
        if (length < 0) {
            return std::unexpected(errno);
        }
        target.resize(static_cast<std::size_t>(length));
        return target;
    }

    // fchmod(2) takes no O_PATH descriptor, and fchmodat2(2) is Linux 6.6's and unknown to many engines' filters; the
    // magic link leads to the opened file, whatever its name leads to by now.
    Sys<> change_mode_at(int pin, mode_t mode) override {
        struct stat found{};
        if (::fstat(pin, &found) < 0) {
            return std::unexpected(errno);
        }
        if (S_ISLNK(found.st_mode)) {
            return std::unexpected(EOPNOTSUPP);
        }
        const long changed = ::syscall(kFchmodat2, pin, "", mode, AT_EMPTY_PATH);
        if (changed == 0 || (errno != ENOSYS && errno != EPERM && errno != EINVAL)) {
            return done(changed);
        }
        return done(::chmod(("/proc/self/fd/" + std::to_string(pin)).c_str(), mode));
    }

    Sys<> set_limit(int resource, std::uint64_t soft, std::uint64_t hard) override {
        const rlimit64 limit{.rlim_cur = soft, .rlim_max = hard};
        return done(::syscall(SYS_prlimit64, 0, resource, &limit, nullptr));
    }

    Sys<> set_nice(int value) override { return done(::setpriority(PRIO_PROCESS, 0, value)); }

    Sys<> set_oom_score_adj(int value) override {
        const Fd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
        if (!file) {
            return std::unexpected(errno);
        }
        const std::string text = std::to_string(value);
        return done(::write(file.get(), text.data(), text.size()));
    }

    Sys<> close_between(unsigned first, unsigned last) override {
        return done(::syscall(SYS_close_range, first, last, 0));
    }

    Sys<> raise_ambient(unsigned capability) override {
        return done(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0));
    }

    Sys<> close_from(unsigned first) override { return done(::syscall(SYS_close_range, first, ~0U, 0)); }

    Sys<> drop_bounding(unsigned capability) override { return done(::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)); }

    Sys<> clear_ambient() override { return done(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)); }

    Sys<> set_securebits(unsigned bits) override { return done(::prctl(PR_SET_SECUREBITS, bits, 0, 0, 0)); }

    Sys<> set_groups(std::span<const gid_t> groups) override { return done(::setgroups(groups.size(), groups.data())); }

    // The calls themselves: a C library's functions would tell other threads, of which there are none, at six calls
    // more each.
    Sys<> set_gid(gid_t gid) override { return done(::syscall(SYS_setresgid, gid, gid, gid)); }

    Sys<> set_uid(uid_t uid) override { return done(::syscall(SYS_setresuid, uid, uid, uid)); }

    Sys<> set_capabilities(const CapabilitySets& sets) override {
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        const auto word = [&sets](unsigned shift) {
            return __user_cap_data_struct{.effective = static_cast<std::uint32_t>(sets.effective >> shift),
                                          .permitted = static_cast<std::uint32_t>(sets.permitted >> shift),
                                          .inheritable = static_cast<std::uint32_t>(sets.inheritable >> shift)};
        };
        const __user_cap_data_struct data[2] = {word(0), word(32)};
        return done(::syscall(SYS_capset, &header, data));
    }

    Sys<> set_no_new_privs() override { return done(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

    Sys<> set_dumpable(bool dumpable) override { return done(::prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0)); }

    Sys<> set_subreaper() override { return done(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)); }
    Sys<> set_parent_death_signal(int number) override { return done(::prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)); }
    Sys<> new_session_keyring() override { return done(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr)); }

    Sys<> load_filter(std::span<const sock_filter> program, unsigned flags) override {
        const sock_fprog wrapped{.len = static_cast<unsigned short>(program.size()),
                                 .filter = const_cast<sock_filter*>(program.data())};
        const long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &wrapped);
        return result > 0 ? Sys<>(std::unexpected(ESRCH)) : done(result); // the thread that could not be brought along
    }

    Sys<unsigned> landlock_abi() override {
        constexpr unsigned kVersion = 1; // LANDLOCK_CREATE_RULESET_VERSION
        const long version = ::syscall(kLandlockCreate, nullptr, 0, kVersion);
        return version < 0 ? Sys<unsigned>(std::unexpected(errno)) : static_cast<unsigned>(version);
    }

    Sys<Fd> landlock_ruleset(const LandlockHandled& handled) override {
        // An older kernel takes a longer attribute as long as it ends in zeros.
        const long fd = ::syscall(kLandlockCreate, &handled, sizeof handled, 0);
        return fd < 0 ? Sys<Fd>(std::unexpected(errno)) : Fd(static_cast<int>(fd));
    }

    Sys<> landlock_grant_path(const Fd& ruleset, std::uint64_t access, const Fd& path) override {
        const struct [[gnu::packed]] {
            std::uint64_t access;
            std::int32_t parent;
        } beneath{.access = access, .parent = path.get()};
        constexpr int kPathBeneath = 1; // LANDLOCK_RULE_PATH_BENEATH
        return done(::syscall(kLandlockAdd, ruleset.get(), kPathBeneath, &beneath, 0));
    }

    Sys<> landlock_grant_port(const Fd& ruleset, std::uint64_t access, std::uint16_t port) override {
        const struct {
            std::uint64_t access;
            std::uint64_t port;
        } open{.access = access, .port = port};
        constexpr int kNetPort = 2; // LANDLOCK_RULE_NET_PORT
        return done(::syscall(kLandlockAdd, ruleset.get(), kNetPort, &open, 0));
    }

    Sys<> landlock_restrict(int ruleset) override { return done(::syscall(kLandlockRestrict, ruleset, 0)); }

    Sys<Fd> move_descriptor(Fd from, int least) override {
        if (from.get() >= least) {
            return from;
        }
        const int moved = ::fcntl(from.get(), F_DUPFD_CLOEXEC, least);
        return moved < 0 ? Sys<Fd>(std::unexpected(errno)) : Fd(moved);
    }

    Sys<Fd> load_listened_filter(std::span<const sock_filter> program, unsigned flags) override {
        const sock_fprog wrapped{.len = static_cast<unsigned short>(program.size()),
                                 .filter = const_cast<sock_filter*>(program.data())};
        const long fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                  static_cast<unsigned>(SECCOMP_FILTER_FLAG_NEW_LISTENER) | flags, &wrapped);
        if (fd < 0) {
            return std::unexpected(errno);
        }
        return Fd(static_cast<int>(fd));
    }

    Sys<std::string> read_whole(const Fd& file) override {
        std::string text;
        char buffer[4096];
        for (;;) {
            const ssize_t got = ::pread(file.get(), buffer, sizeof buffer, static_cast<off_t>(text.size()));
            if (got < 0) {
                return std::unexpected(errno);
            }
            if (got == 0) {
                return text;
            }
            text.append(buffer, static_cast<std::size_t>(got));
        }
    }

    Sys<Fd> open_status(pid_t pid) override {
        char self[16] = {};
        if (::readlink("/proc/self", self, sizeof self - 1) < 0) {
            return std::unexpected(errno);
        }
        if (std::to_string(::getpid()) != self) {
            return std::unexpected(ESRCH);
        }
        const std::string path = "/proc/" + (pid == 0 ? self : std::to_string(pid)) + "/status";
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            return std::unexpected(errno);
        }
        return Fd(fd);
    }

    Facts own_facts() override {
        Facts facts;
        uid_t uid[3];
        gid_t gid[3];
        if (::getresuid(&uid[0], &uid[1], &uid[2]) == 0) {
            facts.uid = {uid[0], uid[1], uid[2], static_cast<std::uint32_t>(::setfsuid(static_cast<uid_t>(-1)))};
        }
        if (::getresgid(&gid[0], &gid[1], &gid[2]) == 0) {
            facts.gid = {gid[0], gid[1], gid[2], static_cast<std::uint32_t>(::setfsgid(static_cast<gid_t>(-1)))};
        }
        std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
        if (const int count = ::getgroups(static_cast<int>(groups.size()), groups.data()); count >= 0) {
            groups.resize(static_cast<std::size_t>(count));
            facts.groups = std::move(groups);
        }
        facts.capabilities = own_capabilities();
        if (const auto bits = securebits()) {
            facts.securebits = *bits;
        }
        if (const int set = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); set >= 0) {
            facts.no_new_privs = set == 1;
        }
        if (const int mode = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0); mode >= 0) {
            facts.seccomp_mode = mode;
        }
        return facts;
    }

    Sys<unsigned> securebits() override {
        const int bits = ::prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
        if (bits < 0) {
            return std::unexpected(errno);
        }
        return static_cast<unsigned>(bits);
    }

    Sys<pid_t> spawn(int (*child)(void*), void* context) override {
        const int pid = ::clone(child, child_stack + sizeof child_stack, CLONE_VM | SIGCHLD, context);
        if (pid < 0) {
            return std::unexpected(errno);
        }
        return pid;
    }

    int execute(const char* path, char* const argv[], char* const envp[]) override {
        ::execve(path, argv, envp);
        return errno;
    }
};

} // namespace

Kernel& real_kernel() {
    static RealKernel kernel;
    return kernel;
}

} // namespace stepdown::sys
