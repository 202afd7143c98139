#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "setup/explain.hpp"
#include "stepdown/setup_step.hpp"

namespace stepdown::setup {
namespace {

constexpr std::size_t kLongestPath = 400;

// What uid_t and gid_t show for an id that a user namespace does not map: user_namespaces(7), "Unmapped user and group
// IDs".
constexpr uid_t kOverflowId = 65534;

std::string_view verb(Act act) {
    switch (act) {
    case Act::kEnter:
        return "enter";
    case Act::kCreate:
        return "create";
    case Act::kRead:
        return "read the directory";
    case Act::kLook:
        return "look at";
    case Act::kOwner:
        return "change the owner of";
    case Act::kMode:
        return "change the mode of";
    case Act::kWrite:
        return "write";
    case Act::kRemove:
        return "remove";
    }
    return "handle";
}

std::string_view call(Act act) {
    switch (act) {
    case Act::kEnter:
        return "openat2";
    case Act::kCreate:
        return "mkdirat";
    case Act::kRead:
        return "getdents64";
    case Act::kLook:
        return "fstatat";
    case Act::kOwner:
        return "fchownat";
    case Act::kMode:
        return "fchmod";
    case Act::kWrite:
        return "write";
    case Act::kRemove:
        return "unlinkat";
    }
    return "?";
}

// Which capability the kernel asks for before it answers so: capabilities(7), chown(2), chmod(2), path_resolution(7).
struct Need {
    Act act;
    int error;
    int capability;
    std::string_view name;
};

constexpr std::array kNeeds{
    Need{Act::kOwner, EPERM, CAP_CHOWN, "CAP_CHOWN"},
    Need{Act::kMode, EPERM, CAP_FOWNER, "CAP_FOWNER"},
    Need{Act::kMode, EACCES, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    Need{Act::kCreate, EACCES, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    Need{Act::kEnter, EACCES, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    Need{Act::kRead, EACCES, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    Need{Act::kLook, EACCES, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    Need{Act::kOwner, EACCES, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
};

std::string_view advice_for_eperm(const Trouble& trouble, const Nature& nature) {
    if (nature.immutable) {
        return "it is immutable or append-only: chattr -i -a it on the host, leave it out, or --own-allow=immutable";
    }
    if (nature.foreign_owner) {
        return "its owner has no id in this user namespace: change it where that id exists";
    }
    if (trouble.act == Act::kEnter || trouble.act == Act::kRead) {
        return "openat2(2) may be refused: allow it in the container engine's seccomp profile";
    }
    return "the file system refuses it to root too (NFS root_squash, a security module): change it on the file server, "
           "or --own-allow=no-chown";
}

std::string_view advice(const Trouble& trouble, const Nature& nature) {
    switch (trouble.error) {
    case EROFS:
        return "mount it read-write, leave the step out, or --own-allow=read-only";
    case EPERM:
        return advice_for_eperm(trouble, nature);
    case EACCES:
        return "a security module or the file server refuses it to root too";
    case ELOOP:
        return "it is a symbolic link, and root's work follows none: name the path it leads to (readlink -f shows it)";
    case ENOTDIR:
        return "it exists and is not a directory: remove it, or name another path";
    case ENOENT:
        return "it does not exist: create it first (--mkdir)";
    case EINVAL:
        return trouble.act != Act::kOwner
                   ? ""
                   : "the user or the group has no id in this user namespace: choose ids that are mapped";
    case ENOSYS:
        return "openat2(2) is needed: Linux 5.6 or later, and a seccomp profile that allows it";
    default:
        return "";
    }
}

std::string what_failed(const Trouble& trouble, std::string_view path) {
    return fmt::format("cannot {} {}: {} ({})", verb(trouble.act), printable(path), std::strerror(trouble.error),
                       call(trouble.act));
}

void append_escaped(std::string& out, char byte) {
    const auto value = static_cast<unsigned char>(byte);
    if (byte == '\n') {
        out += "\\n";
    } else if (value < 0x20 || value == 0x7f || byte == '\\') {
        out += fmt::format("\\x{:02x}", value);
    } else {
        out += byte;
    }
}

} // namespace

Nature nature_of(int fd) {
    struct statx found{};
    // The call itself: not every C library has a function for it.
    const auto flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    if (fd < 0 || ::syscall(SYS_statx, fd, "", flags, STATX_UID | STATX_GID, &found) < 0) {
        return {};
    }
    return {.immutable = (found.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0,
            .foreign_owner = found.stx_uid == kOverflowId || found.stx_gid == kOverflowId};
}

std::string_view missing_capability(const Trouble& trouble, std::uint64_t effective) {
    for (const Need& need : kNeeds) {
        if (need.act == trouble.act && need.error == trouble.error) {
            return (effective >> need.capability & 1) == 0 ? need.name : std::string_view();
        }
    }
    return {};
}

unsigned kind_of(const Trouble& trouble, const Nature& nature) {
    if (trouble.error == EROFS) {
        return kAllowReadOnly;
    }
    if (trouble.error == EPERM && nature.immutable) {
        return kAllowImmutable;
    }
    const bool changes = trouble.act == Act::kOwner || trouble.act == Act::kMode;
    return changes && (trouble.error == EPERM || trouble.error == EACCES) ? kAllowNoChown : 0;
}

bool is_hopeless(const Trouble& trouble, std::uint64_t effective) {
    return trouble.error == EROFS || trouble.error == ENOSYS ||
           (trouble.act == Act::kOwner && !missing_capability(trouble, effective).empty());
}

std::string explain(const Trouble& trouble, std::string_view path, std::uint64_t effective, const Nature& nature) {
    if (trouble.error == 0) {
        return fmt::format("will not {} {}: {}", verb(trouble.act), printable(path), trouble.why);
    }
    std::string line = what_failed(trouble, path);
    if (const std::string_view name = missing_capability(trouble, effective); !name.empty() && !nature.immutable) {
        return fmt::format("{}: {} is missing: add it (docker run --cap-add={}), or let the step be skipped "
                           "(--own-allow=no-chown, --setup-best-effort)",
                           line, name, name.substr(4));
    }
    if (const std::string_view what = advice(trouble, nature); !what.empty()) {
        line += ": ";
        line += what;
    }
    return line;
}

std::string explain_unprivileged(const Trouble& trouble, std::string_view path) {
    return what_failed(trouble, path) + ": the start is not root's";
}

std::string printable(std::string_view path) {
    std::string out;
    const bool cut = path.size() > kLongestPath;
    const std::size_t head = cut ? kLongestPath / 2 : path.size();
    std::ranges::for_each(path.substr(0, head), [&out](char byte) { append_escaped(out, byte); });
    if (cut) {
        out += fmt::format("...({} bytes)...", path.size() - kLongestPath);
        std::ranges::for_each(path.substr(path.size() - kLongestPath / 2),
                              [&out](char byte) { append_escaped(out, byte); });
    }
    return out;
}

} // namespace stepdown::setup
