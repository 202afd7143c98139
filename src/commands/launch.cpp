#include <cerrno>
#include <csignal>
#include <optional>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/launch.hpp"
#include "confine/load.hpp"
#include "supervise/terminal.hpp"
#include "verify/judge.hpp"
#include "verify/status.hpp"

namespace stepdown::commands {
namespace {

constexpr std::size_t kInterpreterLength = 128;

// Why execve(2) refused, gathered by whoever called it: under the app's ids, where the answer is.
struct ExecFailure {
    int error = ENOENT;
    std::size_t candidate = 0;
    bool exists = false;
    bool directory = false;
    char interpreter[kInterpreterLength] = {}; // of a script; empty for anything else
};

enum class Stage { kConfined, kConfineFailed, kExecFailed };

// What the child tells PID 1 over the barrier; one write(2) each.
struct Message {
    Stage stage = Stage::kConfined;
    int error = 0;
    int seccomp_mode = 0;
    ExecFailure exec;
};

struct Child {
    sys::Kernel& kernel;
    const Launch& what;
    int own_end;
    int other_end;
};

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

// execvp(3)'s search without its shell: what is not a program is not run. Returns only to say why. Async-signal-safe.
ExecFailure execute(sys::Kernel& kernel, const Program& program) noexcept {
    ExecFailure worst;
    for (std::size_t i = 0; i < program.candidates.size(); ++i) {
        const char* path = program.candidates[i].c_str();
        ExecFailure failure{.error = kernel.execute(path, program.argv.data(), program.envp.data()), .candidate = i};
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

Error explain(const ExecFailure& failure, const Program& program) {
    const std::string name = program.argv.front();
    const std::string path = program.candidates.empty() ? name : program.candidates[failure.candidate];
    const bool searched = !name.contains('/');
    if (!failure.exists && failure.error == EACCES && !searched) {
        return {ExitCode::kNotExecutable, "cannot execute " + path + ": the app's user may not search a directory on its path"};
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
        return {ExitCode::kNotExecutable, "cannot execute " + path +
                                              ": Operation not permitted (execve); a file with capabilities (getcap(8)) "
                                              "cannot have them here: remove them with setcap -r"};
    default:
        return call_failed(ExitCode::kNotExecutable, "cannot execute " + path, "execve", failure.error).error();
    }
}

int run_child(void* context) {
    const auto& child = *static_cast<const Child*>(context);
    ::close(child.other_end);
    supervise::lead_process_group(child.what.terminal);
    Message message;
    if (!child.what.filter.empty()) {
        if (const auto loaded = child.kernel.load_filter(child.what.filter); !loaded) {
            message.stage = Stage::kConfineFailed;
            message.error = loaded.error();
        }
    }
    message.seccomp_mode = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
    char released = 0;
    if (::write(child.own_end, &message, sizeof message) != sizeof message || message.stage != Stage::kConfined ||
        ::read(child.own_end, &released, 1) != 1) {
        ::_exit(to_status(ExitCode::kInternal));
    }
    supervise::give_signals_back(child.what.given_signals);
    message.stage = Stage::kExecFailed;
    message.exec = execute(child.kernel, child.what.program);
    [[maybe_unused]] const ssize_t told = ::write(child.own_end, &message, sizeof message);
    ::_exit(to_status(ExitCode::kInternal));
}

// The kernel's account of the confined process: its open status file, or, in a container without /proc, what system calls say.
// Opened before any filter can forbid it. The caller's credentials are the child's: clone(2) has copied them.
struct Account {
    sys::Fd status;
    Facts by_calls;
};

Account open_account(sys::Kernel& kernel, const char* status_path) {
    Account account;
    if (auto opened = kernel.open_at(AT_FDCWD, status_path, O_RDONLY)) {
        account.status = std::move(*opened);
    } else {
        account.by_calls = kernel.own_facts();
    }
    if (const auto bits = kernel.securebits()) {
        account.by_calls.securebits = *bits;
    }
    return account;
}

Result<> judge(sys::Kernel& kernel, Facts wanted, const Account& account, int seccomp_mode) {
    Facts observed = account.by_calls;
    if (account.status) {
        const auto text = kernel.read_whole(account.status);
        if (!text) {
            return call_failed(ExitCode::kVerify, "cannot read back the app's state from /proc", "read", text.error());
        }
        observed = verify::parse_status(*text).facts;
        observed.securebits = account.by_calls.securebits;
    } else {
        observed.seccomp_mode = seccomp_mode;
        wanted.seccomp_filters.reset();
    }
    if (const auto mismatch = verify::first_mismatch(wanted, observed)) {
        return fail(ExitCode::kVerify, "the kernel's account does not match the plan: " + mismatch->check + " is " +
                                           mismatch->observed + ", not " + mismatch->expected + "; the app was not started");
    }
    return {};
}

// The barrier as PID 1 sees it, from the child's first word to its execve(2).
Result<> pass_barrier(sys::Kernel& kernel, const Launch& what, const Account& account, int end) {
    Message message;
    if (::read(end, &message, sizeof message) != sizeof message) {
        return fail(ExitCode::kInternal, "the child ended before it was confined");
    }
    if (message.stage == Stage::kConfineFailed) {
        return call_failed(ExitCode::kConfine, "cannot load the app's seccomp filter", "seccomp", message.error);
    }
    if (Result<> judged = judge(kernel, what.wanted, account, message.seccomp_mode); !judged) {
        return judged;
    }
    if (::write(end, "", 1) != 1) {
        return call_failed(ExitCode::kInternal, "cannot release the app", "write", errno);
    }
    if (::read(end, &message, sizeof message) == sizeof message) {
        return std::unexpected(explain(message.exec, what.program));
    }
    return {}; // end of file: execve(2) has closed the child's end
}

} // namespace

Result<pid_t> launch(sys::Kernel& kernel, const Launch& what) {
    if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return fail(ExitCode::kVerify, "PID 1 is still dumpable after the drop: the app could read it; it was not started");
    }
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        return call_failed(ExitCode::kInternal, "cannot make the barrier between PID 1 and the app", "socketpair", errno);
    }
    const sys::Fd own_end(ends[0]);
    sys::Fd child_end(ends[1]);
    Child child{.kernel = kernel, .what = what, .own_end = ends[1], .other_end = ends[0]};
    const auto pid = kernel.spawn(run_child, &child);
    if (!pid) {
        return call_failed(ExitCode::kInternal, "cannot start a process for the app", "clone", pid.error(),
                           "is the container's pids limit reached?");
    }
    child_end = sys::Fd();
    [[maybe_unused]] const int moved = ::chdir("/"); // PID 1 must not keep the app's directory's file system busy
    const Account account = open_account(kernel, ("/proc/" + std::to_string(*pid) + "/status").c_str());
    Result<> passed = confine::load(kernel, what.own_filter);
    if (passed) {
        passed = pass_barrier(kernel, what, account, own_end.get());
    }
    if (!passed) {
        ::kill(*pid, SIGKILL);
        ::waitpid(*pid, nullptr, 0);
        return std::unexpected(passed.error());
    }
    return *pid;
}

Error become(sys::Kernel& kernel, const Launch& what) {
    const Account account = open_account(kernel, "/proc/self/status");
    if (!what.filter.empty()) {
        if (Result<> loaded = confine::load(kernel, what.filter); !loaded) {
            return loaded.error();
        }
    }
    if (Result<> judged = judge(kernel, what.wanted, account, ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0)); !judged) {
        return judged.error();
    }
    supervise::give_signals_back(what.given_signals);
    return explain(execute(kernel, what.program), what.program);
}

} // namespace stepdown::commands
