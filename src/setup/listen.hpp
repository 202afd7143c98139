#pragma once

#include <span>
#include <vector>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

// Opens, binds and, but for UDP, listens: as root, so that a port below 1024 needs no capability later. The descriptors
// are above those that sd_listen_fds(3) counts from, and close at execve(2) until they are put in their places. A
// unix(7) socket becomes uid's; a socket that the last run left at its path is removed. Errors: ExitCode::kSetup.
Result<std::vector<sys::Fd>> open_sockets(sys::Kernel& kernel, std::span<const ListenSocket> asked, uid_t uid,
                                          gid_t gid);

} // namespace stepdown::setup
