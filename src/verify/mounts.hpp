#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace stepdown::verify {

// One line of proc_pid_mountinfo(5).
struct Mount {
    dev_t device = 0;
    std::string root;  // of the file system, that is shown here
    std::string point; // where
    std::string type;
    bool read_only = false; // by the mount or by the file system
    bool no_exec = false;

    bool operator==(const Mount&) const = default;
};

// Empty for a text that is not such a table.
std::optional<std::vector<Mount>> parse_mounts(std::string_view text);

// What a path is in: the mount that is on top of the longest point that leads to it. Null: none.
const Mount* mount_of(const std::vector<Mount>& mounts, std::string_view path);

} // namespace stepdown::verify
