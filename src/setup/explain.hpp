#pragma once

#include <cerrno>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace stepdown::setup {

enum class Act { kEnter, kCreate, kRead, kLook, kOwner, kMode, kWrite, kRemove };

// Why a piece of work on one file did not happen: the kernel's errno, or, with error 0, our own refusal in words.
struct Trouble {
    Act act = Act::kLook;
    int error = 0;
    std::string_view why = {};
};

template <class T = void> using Try = std::expected<T, Trouble>;

inline std::unexpected<Trouble> trouble(Act act, int error) { return std::unexpected(Trouble{act, error}); }
inline std::unexpected<Trouble> refusal(Act act, std::string_view why) { return std::unexpected(Trouble{act, 0, why}); }

// What is known about the file that the kernel refused to change: it cannot be told from the errno.
struct Nature {
    bool immutable = false;     // chattr +i or +a: EPERM even for root
    bool foreign_owner = false; // its owner has no id in this user namespace
};

Nature nature_of(int fd); // fd -1: nothing is known

// The capability whose absence explains the trouble, "CAP_CHOWN"; empty when none does.
std::string_view missing_capability(const Trouble& trouble, std::uint64_t effective);

// Which of the refusals that users may allow it is: one AllowedRefusal bit, or 0.
unsigned kind_of(const Trouble& trouble, const Nature& nature);

// True when every other file of the same step would fail for the same reason.
bool is_hopeless(const Trouble& trouble, std::uint64_t effective);

// Whether the kernel says that somebody else, or nobody, may do it.
constexpr bool is_refusal(int error) { return error == EPERM || error == EACCES || error == EROFS; }

// The same for a start that is not root's, where no advice helps: "cannot change the owner of /data/x: Operation not
// permitted (fchownat): the start is not root's".
std::string explain_unprivileged(const Trouble& trouble, std::string_view path);

// "cannot change the owner of /data/x: Read-only file system (fchownat): mount it read-write, ...". One line, whatever
// is in the path.
std::string explain(const Trouble& trouble, std::string_view path, std::uint64_t effective, const Nature& nature);

// A path as text for one line: control bytes escaped, the middle of a very long one left out.
std::string printable(std::string_view path);

} // namespace stepdown::setup
