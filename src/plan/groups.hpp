#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::plan {

// Fills in plan.groups.ids from the text of /etc/group, for an identity that has been resolved. passwd: the groups
// that list the user as a member, less group 0 unless root is allowed, as initgroups(3) has them but for the primary
// one. Every name must be in the file, and gid 0 is refused unless root is allowed. Errors: ExitCode::kUsage.
Result<> resolve_groups(Plan& plan, std::string_view group, const Source& source);

// A gid by name or number, for a setup line or a list.
Result<gid_t> group_id(std::string_view word, std::string_view group, std::string_view where);
Result<uid_t> user_id(std::string_view word, std::string_view passwd, std::string_view where);

} // namespace stepdown::plan
