#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepdown::verify {

// One line of proc_pid_mountinfo(5).
struct Mount {
    int id = 0;        // mnt_id of /proc/PID/fdinfo/N
    int parent = 0;    // the id of what it is mounted on
    std::string root;  // of the file system, that is shown here
    std::string point; // where
    std::string type;
    bool read_only = false; // by the mount or by the file system
    bool no_exec = false;

    bool operator==(const Mount&) const = default;
};

// Empty for a text that is not such a table.
std::optional<std::vector<Mount>> parse_mounts(std::string_view text);

// Whether a path is this folder, or in it; both absolute and without dots.
bool is_below(std::string_view path, std::string_view folder);

// What a path is in, as a walk along it from the root crosses one mount after the other. Null: none.
const Mount* mount_of(const std::vector<Mount>& mounts, std::string_view path);

} // namespace stepdown::verify
