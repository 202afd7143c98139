#include "confine/landlock.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace stepdown::confine {

namespace {

// LANDLOCK_ACCESS_FS_*, landlock(7). Written out, since the headers of the build may be older than the kernel.
constexpr std::uint64_t kExecute = 1 << 0;
constexpr std::uint64_t kWriteFile = 1 << 1;
constexpr std::uint64_t kReadFile = 1 << 2;
constexpr std::uint64_t kReadDirectory = 1 << 3;
constexpr std::uint64_t kFirstAbi = (1 << 13) - 1; // and removing and making entries of every type
constexpr std::uint64_t kRefer = 1 << 13;
constexpr std::uint64_t kTruncate = 1 << 14;
constexpr std::uint64_t kIoctlDevice = 1 << 15;
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;

constexpr std::uint64_t kBindTcp = 1 << 0;
constexpr std::uint64_t kConnectTcp = 1 << 1;
constexpr std::uint64_t kAbstractSocket = 1 << 0;
constexpr std::uint64_t kSignal = 1 << 1;

constexpr std::uint64_t kRead = kReadFile | kReadDirectory;
constexpr std::uint64_t kReadWrite = (kFirstAbi & ~kExecute) | kRefer | kTruncate | kIoctlDevice;

std::uint64_t access_of(FileGrantKind kind) {
    switch (kind) {
    case FileGrantKind::kRead:
        return kRead;
    case FileGrantKind::kWrite:
        return kReadWrite;
    case FileGrantKind::kExecute:
        break;
    }
    return kRead | kExecute;
}

// What each version of the interface added, and what it means to do without.
struct Addition {
    unsigned abi;
    std::uint64_t files;
    std::uint64_t ports;
    std::uint64_t scopes;
    std::string_view without;
};

constexpr Addition kAdditions[] = {
    {1, kFirstAbi, 0, 0, "access to files is not restricted"},
    {2, kRefer, 0, 0, "files cannot be moved from one directory to another at all"},
    {3, kTruncate, 0, 0, "files that may only be read can be truncated"},
    {4, 0, kBindTcp | kConnectTcp, 0, "TCP ports are not restricted"},
    {5, kIoctlDevice, 0, 0, "requests to devices (ioctl) are not restricted"},
    {6, 0, 0, kAbstractSocket | kSignal, "abstract sockets and signals are not restricted"},
};

sys::LandlockHandled wanted(const Landlock& asked) {
    return {.files = asked.restricts_files() ? kFirstAbi | kRefer | kTruncate | kIoctlDevice : 0,
            .ports = (asked.bind.empty() ? 0 : kBindTcp) | (asked.connect.empty() ? 0 : kConnectTcp),
            .scopes = (asked.scope_abstract_sockets ? kAbstractSocket : 0) | (asked.scope_signals ? kSignal : 0)};
}

// Takes from handled what the kernel does not know, and says what that means.
std::vector<std::string_view> reduce(sys::LandlockHandled& handled, unsigned abi) {
    std::vector<std::string_view> lost;
    for (const Addition& addition : kAdditions) {
        const bool asked = (handled.files & addition.files) != 0 || (handled.ports & addition.ports) != 0 ||
                           (handled.scopes & addition.scopes) != 0;
        if (addition.abi <= abi || !asked) {
            continue;
        }
        lost.push_back(addition.without);
        handled.files &= ~addition.files;
        handled.ports &= ~addition.ports;
        handled.scopes &= ~addition.scopes;
    }
    return lost;
}

std::unexpected<Error> refused(std::string_view what, int error) {
    return fail(ExitCode::kConfine, fmt::format("landlock: {}: {}", what, std::strerror(error)));
}

// Adds a grant for an open path. Rights that only directories have are left out for anything else.
Result<> grant(sys::Kernel& kernel, const Ruleset& rules, std::uint64_t handled, std::uint64_t access,
               const sys::Fd& path, std::string_view name) {
    struct stat status = {};
    if (::fstat(path.get(), &status) != 0) {
        return refused(name, errno);
    }
    access &= handled & (S_ISDIR(status.st_mode) ? ~std::uint64_t{0} : kOfFiles);
    if (const auto added = kernel.landlock_grant_path(rules.fd, access, path); !added) {
        return refused(name, added.error());
    }
    return {};
}

Result<> grant_asked(sys::Kernel& kernel, const Ruleset& rules, std::uint64_t handled, const FileGrant& file) {
    const sys::Sys<sys::Fd> path = kernel.open_at(AT_FDCWD, file.path.c_str(), O_PATH);
    if (!path) {
        return fail(ExitCode::kUsage,
                    fmt::format("landlock: {}: {}{}", file.path, std::strerror(path.error()),
                                path.error() == ELOOP ? "; name the path without symbolic links" : ""));
    }
    return grant(kernel, rules, handled, access_of(file.kind), *path, file.path);
}

// What programs write to that is nobody's file. What is not there is not needed.
constexpr const char* kAlwaysWritable[] = {"/tmp",      "/var/tmp",  "/dev/shm",    "/dev/null",
                                           "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
                                           "/dev/tty",  "/dev/pts",  "/dev/ptmx"};

Result<> grant_read_only_root(sys::Kernel& kernel, const Ruleset& rules, std::uint64_t handled,
                              std::span<const std::string> state) {
    Result<> done = grant_asked(kernel, rules, handled, {FileGrantKind::kExecute, "/"});
    for (const std::string& path : state) {
        done = done ? grant_asked(kernel, rules, handled, {FileGrantKind::kWrite, path}) : done;
    }
    for (const char* path : kAlwaysWritable) {
        const sys::Sys<sys::Fd> open = kernel.open_at(AT_FDCWD, path, O_PATH);
        done = done && open ? grant(kernel, rules, handled, kReadWrite, *open, path) : done;
    }
    // A terminal or file that the output goes to may be opened again, as /dev/stdout. The kernel takes no grant for a
    // pipe or socket, and does not restrict them.
    for (const char* own : {"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"}) {
        struct stat status = {};
        const sys::Fd open(::open(own, O_PATH | O_CLOEXEC));
        const bool named =
            open && ::fstat(open.get(), &status) == 0 && (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode));
        done = done && named ? grant(kernel, rules, handled, kReadWrite, open, own) : done;
    }
    return done;
}

Result<> grant_ports(sys::Kernel& kernel, const Ruleset& rules, std::uint64_t handled, std::uint64_t access,
                     std::span<const std::uint16_t> ports) {
    for (const std::uint16_t port : ports) {
        if ((handled & access) == 0) {
            continue;
        }
        if (const auto added = kernel.landlock_grant_port(rules.fd, access, port); !added) {
            return refused(fmt::format("port {}", port), added.error());
        }
    }
    return {};
}

} // namespace

Result<Ruleset> make_ruleset(sys::Kernel& kernel, const Landlock& asked, std::span<const std::string> state) {
    Ruleset rules;
    if (!asked.restricts_anything()) {
        return rules;
    }
    const sys::Sys<unsigned> abi = kernel.landlock_abi();
    rules.abi = abi.value_or(0);
    sys::LandlockHandled handled = wanted(asked);
    for (const std::string_view lost : reduce(handled, rules.abi)) {
        const std::string why = abi ? fmt::format("this kernel's Landlock is version {}", rules.abi)
                                    : fmt::format("this kernel has no Landlock: {}", std::strerror(abi.error()));
        if (asked.mode == LandlockMode::kRequire) {
            return fail(ExitCode::kConfine, fmt::format("landlock: {}, with which {}; --landlock=require does not "
                                                        "let the app start like that",
                                                        why, lost));
        }
        rules.warnings.push_back(fmt::format("landlock: {}, with which {}", why, lost));
    }
    if (handled == sys::LandlockHandled{}) {
        return rules;
    }
    sys::Sys<sys::Fd> made = kernel.landlock_ruleset(handled);
    if (!made) {
        return refused("cannot make a ruleset", made.error());
    }
    rules.fd = std::move(*made);
    Result<> done;
    if (handled.files != 0 && asked.read_only_root) {
        done = grant_read_only_root(kernel, rules, handled.files, state);
    }
    for (const FileGrant& file : asked.files) {
        done = done && handled.files != 0 ? grant_asked(kernel, rules, handled.files, file) : done;
    }
    done = done ? grant_ports(kernel, rules, handled.ports, kConnectTcp, asked.connect) : done;
    done = done ? grant_ports(kernel, rules, handled.ports, kBindTcp, asked.bind) : done;
    return done ? Result<Ruleset>(std::move(rules)) : std::unexpected(done.error());
}

} // namespace stepdown::confine
