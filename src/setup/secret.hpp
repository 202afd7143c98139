#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

// The content of a secret's file, read as root (open_trusted). Empty, missing or above a mebibyte is an error, and no
// error shows what is in it. Errors: ExitCode::kSetup.
Result<std::string> read_secret(sys::Kernel& kernel, const Secret& secret);

// Leaves text as DIRECTORY/NAME for uid alone. A directory that is missing is made, uid's own and 0500; one that is
// there is never changed, and must be root's or uid's with nobody else who could swap files in it, by its mode or the
// sticky bit. Returns whether the directory is on a tmpfs. Errors: ExitCode::kSetup.
Result<bool> leave_secret(sys::Kernel& kernel, const Secret& secret, std::string_view directory, std::string_view text,
                          uid_t uid, gid_t gid);

} // namespace stepdown::setup
