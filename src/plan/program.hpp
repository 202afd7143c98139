#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stepdown::plan {

constexpr std::string_view kDefaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The paths to try for a command's first word, in order and without any shell. A name with a slash is used as it is;
// another is looked for in search_path (PATH; kDefaultSearchPath if that is unset or empty). Directories in it that are
// not absolute, the empty one included, are passed over: where the app happens to be is no place to find programs.
// Empty if no directory is left.
std::vector<std::string> program_candidates(std::string_view name, std::string_view search_path);

} // namespace stepdown::plan
