#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

// Adds a line for an id without an account to a passwd(5) file, with one write(2) at its end, so that nobody ever reads
// half of it: where only the file may be written and not its directory, as in images made for any uid, there is no
// other way. Errors, which a caller may go on after: ExitCode::kSetup.
Result<> add_account(sys::Kernel& kernel, std::string_view passwd_path, const Identity& identity);

} // namespace stepdown::setup
