#include <fcntl.h>
#include <sys/stat.h>

#include "setup/job.hpp"

namespace stepdown::setup {
namespace {

bool links_are_protected(Job& job) {
    if (job.links_are_protected < 0) {
        const auto file = job.kernel.open_at(AT_FDCWD, "/proc/sys/fs/protected_hardlinks", O_RDONLY);
        const auto text = file ? job.kernel.read_whole(*file) : std::unexpected(file.error());
        job.links_are_protected = text && *text == "1\n" ? 1 : 0; // no /proc: no protection
    }
    return job.links_are_protected == 1;
}

} // namespace

Try<> check_links(Job& job, const struct stat& now) {
    if (S_ISDIR(now.st_mode) || now.st_nlink <= 1 || job.unprivileged) { // who is not root gives nothing of root's
        return {};
    }
    if (now.st_uid == 0) {
        return refusal(Act::kOwner, "it is root's and has more than one name (hard links), maybe outside the tree: "
                                    "replace it by a copy, or remove it");
    }
    if (!links_are_protected(job)) {
        return refusal(Act::kOwner, "it has more than one name (hard links), and fs.protected_hardlinks is not 1: "
                                    "set it, or replace the file by a copy");
    }
    return {};
}

} // namespace stepdown::setup
