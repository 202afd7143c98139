#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepdown::plan {

// A resource limit of getrlimit(2) by its name as prlimit(1) and systemd.exec(5) have it, in small letters: "nofile".
std::optional<int> limit_number(std::string_view name);
std::string_view limit_name(int resource);

// All of them, separated by commas.
std::string limit_names();

} // namespace stepdown::plan
