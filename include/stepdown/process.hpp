#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace stepdown {

// Which supplementary groups the app has: all of these together, or none.
struct Groups {
    bool passwd = false;            // those of the group file that list the user, as initgroups(3)
    bool keep = false;              // those the process was started with, less gid 0
    std::vector<std::string> names; // names or numbers as written
    std::vector<gid_t> ids;         // of passwd and names: resolved, ascending, each once

    bool are_asked_for() const { return passwd || keep || !names.empty(); }

    bool operator==(const Groups&) const = default;
};

struct ResourceLimit {
    int resource = 0;       // RLIMIT_*
    std::uint64_t soft = 0; // RLIM_INFINITY: none
    std::uint64_t hard = 0;

    bool operator==(const ResourceLimit&) const = default;
};

// What the app inherits from the process that becomes it, beside credentials.
struct Process {
    std::optional<mode_t> umask;
    std::vector<ResourceLimit> limits; // of two for one resource the later counts
    std::string directory;             // to start in; empty: where it was started
    std::optional<int> nice;           // -20 to 19
    std::optional<int> oom_score_adj;  // -1000 to 1000
    bool own_stdio = false;    // give descriptors 0, 1 and 2 to the app, where they are pipes, terminals or files
    std::vector<int> keep_fds; // descriptors above 2 that are not closed, ascending

    bool operator==(const Process&) const = default;
};

struct Variable {
    std::string name;
    std::optional<std::string> value; // empty: unset

    bool operator==(const Variable&) const = default;
};

// The app's environment, in this order: what is inherited, or only what is kept of it; the user's HOME and such; the
// files; the changes.
struct EnvironmentRules {
    bool clear = false;
    std::vector<std::string> keep; // with clear: names that stay
    std::vector<std::string> files;
    std::vector<Variable> changes;

    bool operator==(const EnvironmentRules&) const = default;
};

struct ListenSocket {
    enum class Kind { kTcp, kUdp, kUnix };

    Kind kind = Kind::kTcp;
    std::string address; // IPv4, IPv6 without brackets, or a path
    std::uint16_t port = 0;
    std::optional<std::uint32_t> mode; // kUnix; 0660 when absent
    std::string name;                  // in LISTEN_FDNAMES

    bool operator==(const ListenSocket&) const = default;
};

struct Secret {
    std::string name; // of the variable and the file
    std::string path; // root's file
    std::uint32_t mode = 0400;
    bool in_environment = false; // as NAME instead of a file and NAME_FILE

    bool operator==(const Secret&) const = default;
};

struct Hooks {
    std::vector<std::string> before_drop;      // commands for /bin/sh -c, as root
    std::vector<std::string> before_drop_dirs; // run-parts(8) order
    std::vector<std::string> before_start;     // commands for /bin/sh -c, as the app
    std::chrono::milliseconds timeout{60'000}; // for each

    bool operator==(const Hooks&) const = default;
};

struct WaitFor {
    enum class Kind { kTcp, kUnix, kFile };

    Kind kind = Kind::kTcp;
    std::string target; // host, or path
    std::string port;

    bool operator==(const WaitFor&) const = default;
};

} // namespace stepdown
