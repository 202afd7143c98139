#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "stepdown/facts.hpp"
#include "stepdown/report.hpp"
#include "sys/kernel.hpp"

namespace stepdown::verify {

// One thread as a walk over proc(5) found it.
struct Sighting {
    Thread thread; // parent is the process's
    Role role = Role::kApp;
    std::string trouble;               // why its status could not be read; the facts are empty then
    std::optional<uid_t> status_owner; // of /proc/PID/task/TID/status
    pid_t inner_pid = -1;              // its number in its own PID namespace

    bool zombie() const { return thread.state == 'Z' || thread.state == 'X'; }
};

struct Tree {
    std::vector<Sighting> threads; // ascending by pid, then tid
    std::string trouble;           // why the walk could not be made at all
};

// The processes in the proc file system at proc, ascending; or errno.
std::expected<std::vector<pid_t>, int> processes(const std::string& proc);

// Every thread of these processes, without roles.
Tree walk(sys::Kernel& kernel, const std::string& proc, std::span<const pid_t> pids);

// Roles by descent from init, as below.
void give_roles(Tree& tree, pid_t init);

// Every thread of every process in the proc file system at proc. What vanishes meanwhile was never there.
//
// Roles: init itself; the app is what descends from it; foreign is whatever descends from elsewhere, as a process that
// entered the container does (its parent is outside the PID namespace: PPid 0). A process whose descent cannot be told
// is the app's: better judged than overlooked.
Tree walk(sys::Kernel& kernel, const std::string& proc, pid_t init);

} // namespace stepdown::verify
