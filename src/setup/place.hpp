#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "setup/job.hpp"
#include "setup/path.hpp"
#include "sys/kernel.hpp"

namespace stepdown::setup {

// A name inside an open directory: what is done to it lands there, whoever renames what is above.
struct Place {
    sys::Fd parent; // O_PATH
    std::string name;
    std::string path; // as text, for messages
};

// The place of an absolute path. create: directories above it that are missing are made, root's 0755. Empty: one is
// missing, and was not to be made.
Result<std::optional<Place>> reach(Job& job, std::string_view path, bool create);

// What is at a place: an O_PATH descriptor that cannot be swapped any more, and what it is of. Empty: nothing is there.
struct Found {
    sys::Fd pin;
    struct stat now;
};
Try<std::optional<Found>> look_at(sys::Kernel& kernel, const Place& place);

// The owner and mode that a step wants for a file that is so now. created: by this step just now.
struct Wanted {
    std::optional<uid_t> uid;
    std::optional<gid_t> gid;
    std::optional<mode_t> mode;

    bool differs(const struct stat& now) const;
};
Wanted wanted_of(const Job& job, const SetupStep& step, const struct stat& now, bool created);

// What a descriptor is of, or the file that has this name in it: only where the name cannot be swapped, and no mode is
// wanted.
struct Target {
    int fd;
    const char* name = "";
};

// Makes it so on the file itself, and looks whether the file system took it. Refuses a file with several names where
// giving it away could be a gift (own.cpp). Returns whether anything had to change.
Try<bool> settle(Job& job, const Target& file, const struct stat& now, const Wanted& wanted);

// Looks at a place, makes what is there as the step wants it, counts it.
Result<> settle_place(Job& job, const SetupStep& step, const Place& place, bool created);

// The default mode of what tmpfiles.d(5) makes: "0755 for directories, 0644 for all other file objects".
constexpr mode_t kNewDirectory = 0755;
constexpr mode_t kNewFile = 0644;
constexpr mode_t kPermissionBits = 07777;

// Removes a file, or a directory with all that is in it, staying on its mount. Nothing there is fine.
Result<> remove_all(Job& job, const Place& place);
// What is in a directory, but not it.
Result<> remove_content(Job& job, const Place& place, int directory);

} // namespace stepdown::setup
