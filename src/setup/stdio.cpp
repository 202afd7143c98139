#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/stdio.hpp"

namespace stepdown::setup {
namespace {

bool can_be_given(int fd, const struct stat& now) {
    if (S_ISREG(now.st_mode)) {
        // An input file would become writable for its new owner.
        return now.st_nlink <= 1 && (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    }
    return S_ISFIFO(now.st_mode) || (S_ISCHR(now.st_mode) && ::isatty(fd) == 1);
}

} // namespace

Result<> own_stdio(sys::Kernel& kernel, uid_t uid) {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        const auto now = kernel.stat_at(fd, "");
        if (!now || now->st_uid == uid || !can_be_given(fd, *now)) {
            continue; // a closed one is nobody's
        }
        if (const auto given = kernel.change_owner_at(fd, "", uid, sys::kUnchanged); !given) {
            return call_failed(ExitCode::kSetup, fmt::format("--own-stdio: cannot give descriptor {} to the app", fd),
                               "fchownat", given.error(),
                               ::geteuid() == 0 ? "the container needs --cap-add=CHOWN at its start"
                                                : "the start is not root's");
        }
    }
    return {};
}

} // namespace stepdown::setup
