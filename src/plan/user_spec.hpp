#pragma once

#include <string_view>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::plan {

// Who a spec means. passwd and group are the texts of /etc/passwd and /etc/group; "" where a file does not exist, which
// is fine for numbers. current_uid is the real uid of this process, kept by ":group".
//
//   user          the entry of that name, its gid            number        that uid; its entry's gid, else gid = uid
//   user:group    user, but with that group                  :group        current_uid, with that group
//
// A part of digits alone is a number, never a name; numbers are parse_id's. Anything else is looked up as a name, and
// is an error if there is none. Home is the entry's if it is absolute, else "/". Errors: ExitCode::kUsage. uid 0 is not
// refused here: validate.hpp.
Result<Identity> resolve_user(std::string_view spec, std::string_view passwd, std::string_view group,
                              const Source& source, uid_t current_uid);

} // namespace stepdown::plan
