#pragma once

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "stepdown/error.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// What is executed: argv and envp end with a null pointer, as execve(2) wants them; candidates are the paths to try, in
// order (one, or one for each directory in PATH). All of it is made before the drop, since nothing may be allocated
// after a fork.
struct Program {
    std::vector<std::string> candidates;
    std::vector<char*> argv;
    std::vector<char*> envp;
    char* listen_pid = nullptr; // where in envp the app's own pid is to be written, of kPidDigits bytes; null: nowhere
    std::unique_ptr<char*[]> script; // /bin/sh's argv for what is no program, the second to be the path; null: an error
};

inline constexpr std::size_t kInterpreterLength = 128;

// Why execve(2) refused, gathered by whoever called it: under the app's ids, where the answer is.
struct ExecFailure {
    int error = ENOENT;
    std::size_t candidate = 0;
    bool exists = false;
    bool directory = false;
    char interpreter[kInterpreterLength] = {}; // of a script; empty for anything else
};

// So that a text without "#!" is run, as execvp(3) does.
void run_text_by_shell(Program& program);

// execvp(3)'s search, and its shell only where that was asked for. Returns only to say why. Async-signal-safe.
ExecFailure execute(sys::Kernel& kernel, const Program& program) noexcept;

// The program behind "#!", as execve(2) reads it; empty where there is none, or the file cannot be read.
std::string interpreter_of(const char* path);

// Says it to the user, with the exit code that shells and engines have for it: 126 or 127.
Error explain(const ExecFailure& failure, const Program& program);

} // namespace stepdown::commands
