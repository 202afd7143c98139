#include "commands/execute.hpp"

#include <algorithm>
#include <ranges>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/handover.hpp"

namespace stepdown::commands {
namespace {

constexpr const char* kShell = "/bin/sh";

// The path behind "#!", as execve(2) reads it.
void read_interpreter(const char* path, ExecFailure& failure) noexcept {
    char line[kInterpreterLength + 2] = {};
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t length = fd < 0 ? -1 : ::read(fd, line, sizeof line - 1);
    if (fd >= 0) {
        ::close(fd);
    }
    if (length < 2 || line[0] != '#' || line[1] != '!') {
        return;
    }
    const char* from = line + 2;
    while (*from == ' ' || *from == '\t') {
        ++from;
    }
    for (std::size_t i = 0; i + 1 < kInterpreterLength && static_cast<unsigned char>(from[i]) > ' '; ++i) {
        failure.interpreter[i] = from[i];
    }
}

} // namespace

void run_text_by_shell(Program& program) {
    program.script = std::make_unique<char*[]>(program.argv.size() + 1);
    program.script[0] = const_cast<char*>(kShell); // only execve(2) takes it as a pointer to writable text
    std::ranges::copy(program.argv | std::views::drop(1), &program.script[2]);
}

ExecFailure execute(sys::Kernel& kernel, const Program& program) noexcept {
    if (program.listen_pid != nullptr) {
        write_listen_pid(program.listen_pid);
    }
    ExecFailure worst;
    for (std::size_t i = 0; i < program.candidates.size(); ++i) {
        const char* path = program.candidates[i].c_str();
        ExecFailure failure{.error = kernel.execute(path, program.argv.data(), program.envp.data()), .candidate = i};
        if (failure.error == ENOEXEC && program.script != nullptr) {
            program.script[1] = const_cast<char*>(path);
            kernel.execute(kShell, program.script.get(), program.envp.data());
        }
        struct stat found{};
        failure.exists = ::stat(path, &found) == 0;
        failure.directory = failure.exists && S_ISDIR(found.st_mode);
        const bool elsewhere_maybe = !failure.exists || failure.error == EACCES;
        if (!elsewhere_maybe) {
            read_interpreter(path, failure);
            return failure;
        }
        if (failure.exists || i == 0) {
            worst = failure;
        }
    }
    return worst;
}

std::string interpreter_of(const char* path) {
    ExecFailure found;
    read_interpreter(path, found);
    return found.interpreter;
}

Error explain(const ExecFailure& failure, const Program& program) {
    const std::string name = program.argv.front();
    const std::string path = program.candidates.empty() ? name : program.candidates[failure.candidate];
    const bool searched = !name.contains('/');
    if (!failure.exists && failure.error == EACCES && !searched) {
        return {ExitCode::kNotExecutable,
                "cannot execute " + path + ": the app's user may not search a directory on its path"};
    }
    if (!failure.exists && !searched && failure.error != ENOENT) { // ELOOP, ENOTDIR
        return call_failed(ExitCode::kNotExecutable, "cannot execute " + path, "execve", failure.error).error();
    }
    if (!failure.exists) {
        return {ExitCode::kNotFound,
                searched ? "cannot find " + name + " in PATH; name a program of the image, or its full path"
                         : "cannot find " + name + ": no such file; name a program of the image"};
    }
    if (failure.directory) {
        return {ExitCode::kNotExecutable, "cannot execute " + path + ": it is a directory"};
    }
    const std::string interpreter = failure.interpreter;
    switch (failure.error) {
    case ENOENT:
        return {ExitCode::kNotFound, "cannot execute " + path + ": its " +
                                         (interpreter.empty() ? "dynamic loader" : "interpreter " + interpreter) +
                                         " is not in the image"};
    case EACCES:
        return {ExitCode::kNotExecutable, "cannot execute " + path +
                                              (interpreter.empty() ? "" : " or its interpreter " + interpreter) +
                                              ": not executable for the app's user"};
    case ENOEXEC:
        return {ExitCode::kNotExecutable,
                "cannot execute " + path + ": not a program of this machine's kind, nor a script that begins with #!"};
    case EPERM:
        return {ExitCode::kNotExecutable,
                "cannot execute " + path + (interpreter.empty() ? "" : " or its interpreter " + interpreter) +
                    ": Operation not permitted (execve); a file with capabilities (getcap(8)) "
                    "cannot have them here: remove them with setcap -r"};
    default:
        return call_failed(ExitCode::kNotExecutable, "cannot execute " + path, "execve", failure.error).error();
    }
}

} // namespace stepdown::commands
