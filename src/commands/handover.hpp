#pragma once

#include <span>
#include <vector>

#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

constexpr int kFirstListened = 3; // SD_LISTEN_FDS_START of sd_listen_fds(3)
constexpr int kPidDigits = 12;    // a pid and its end

// All that changes the app's environment, in order: the files' variables, those of the words, secrets, LISTEN_*. A
// secret that is asked for twice, by the environment too, is an error. Errors: kUsage, kSetup.
Result<std::vector<Variable>> environment_changes(sys::Kernel& kernel, const Plan& plan);

// Whether all that is to be kept is there. Errors: ExitCode::kUsage.
Result<> check_kept_descriptors(const Plan& plan);

// The descriptors above 2 that the app gets, ascending: its sockets, then what is kept.
std::vector<int> descriptors_of(const Plan& plan);

// Moves the sockets to descriptors 3 and up, where they survive execve(2).
Result<> place_sockets(std::span<const sys::Fd> sockets);

// Where the digits of LISTEN_PID go, in an environment of environment_changes(); null where there is none.
char* listen_pid_in(std::span<char* const> environment);

// Writes the calling process's pid there, kPidDigits bytes. Async-signal-safe.
void write_listen_pid(char* place) noexcept;

} // namespace stepdown::commands
