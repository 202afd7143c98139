#pragma once

#include <string_view>
#include <vector>

#include <sys/types.h>

namespace stepdown::plan {

// The groups of a group(5) text that list an account, with its own, ascending and each once: initgroups(3).
std::vector<gid_t> account_groups(std::string_view name, gid_t own, std::string_view group);

} // namespace stepdown::plan
