#include "confine/errno_names.hpp"

#include <utility>

namespace stepdown::confine {

namespace {

// In the order of their numbers from 1, asm-generic/errno.h: the same on x86, arm and riscv. A dash is a gap.
constexpr std::string_view kNames =
    "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST "
    "EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM "
    "ERANGE "
    "EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH "
    "ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE "
    "ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD "
    "ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT "
    "EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN "
    "ENETUNREACH "
    "ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED "
    "EHOSTDOWN "
    "EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE "
    "ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON ";

constexpr std::pair<std::string_view, std::uint64_t> kSecondNames[] = {
    {"EWOULDBLOCK", 11},
    {"EDEADLOCK", 35},
    {"ENOTSUP", 95},
};

} // namespace

std::optional<std::uint64_t> errno_of(std::string_view name) {
    for (const auto& [second, number] : kSecondNames) {
        if (second == name) {
            return number;
        }
    }
    std::uint64_t number = 1;
    for (std::size_t at = 0; at < kNames.size() && name != "-"; ++number) {
        const std::size_t end = kNames.find(' ', at);
        if (kNames.substr(at, end - at) == name) {
            return number;
        }
        at = end + 1;
    }
    return std::nullopt;
}

std::string errno_name(unsigned number) {
    std::size_t at = 0;
    for (unsigned passed = 1; passed < number && at < kNames.size(); ++passed) {
        at = kNames.find(' ', at) + 1;
    }
    const std::string_view name =
        number == 0 || at >= kNames.size() ? "-" : kNames.substr(at, kNames.find(' ', at) - at);
    return name == "-" ? std::to_string(number) : std::string(name);
}

} // namespace stepdown::confine
