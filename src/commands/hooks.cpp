#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/hooks.hpp"
#include "setup/explain.hpp"
#include "stepdown/sort.hpp"
#include "sys/directory.hpp"

namespace stepdown::commands {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr char kShell[] = "/bin/sh";
constexpr std::string_view kLate = "was not done in time: killed";
constexpr std::string_view kStopped = "was ended: the container is to stop";
constexpr std::int64_t kNanoseconds = 1'000'000'000; // of a second

bool is_stopped() {
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGTERM) == 1 || ::sigismember(&pending, SIGINT) == 1 ||
           ::sigismember(&pending, SIGQUIT) == 1;
}

std::unexpected<Error> hook_failed(const std::string& what, std::string_view why) {
    return fail(ExitCode::kSetup, fmt::format("the hook {} {}", what, why));
}

std::unexpected<Error> not_run(const std::string& what, int error) {
    return call_failed(ExitCode::kSetup, "cannot run the hook " + what, "posix_spawn", error);
}

// In one line, whatever the script is.
std::string quoted(const std::string& command) { return "\"" + setup::printable(command) + "\""; }

// Signals as a new program expects them. own_group: a process group of its own, so that all of it can be ended. Returns
// posix_spawn(3)'s error.
int spawn(pid_t& pid, char* const* argv, char* const* environment, bool own_group) noexcept {
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    const int group = own_group ? POSIX_SPAWN_SETPGROUP : 0;
    ::posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
    const int error = ::posix_spawn(&pid, argv[0], nullptr, &attributes, argv, environment);
    ::posix_spawnattr_destroy(&attributes);
    return error;
}

Result<> run_hook(const std::string& what, std::vector<std::string> words, milliseconds timeout) {
    constexpr milliseconds kSlice{100}; // how soon a stop signal is noticed
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    pid_t pid = 0;
    if (const int error = spawn(pid, argv.data(), environ, true); error != 0) {
        return not_run(what, error);
    }
    const Clock::time_point end = Clock::now() + timeout;
    const sys::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    int status = 0;
    std::string_view why;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
        why = is_stopped() ? kStopped : Clock::now() > end ? kLate : "";
        if (!why.empty()) {
            ::kill(-pid, SIGKILL);
            ::waitpid(pid, &status, 0);
            return hook_failed(what, why);
        }
        pollfd one{.fd = process.get(), .events = POLLIN, .revents = 0};
        ::poll(&one, 1, static_cast<int>(kSlice.count()));
    }
    if (WIFSIGNALED(status)) {
        return hook_failed(what, fmt::format("was ended by signal {}", WTERMSIG(status)));
    }
    return WEXITSTATUS(status) == 0 ? Result<>()
                                    : hook_failed(what, fmt::format("ended with status {}", WEXITSTATUS(status)));
}

// In the app's process group, which may have the terminal; what it leaves behind is left to PID 1.
HookEnd run_as_the_app(const char* command, char* const* environment, milliseconds timeout) noexcept {
    char shell[] = "/bin/sh"; // posix_spawn(3) takes writable words, and writes nothing
    char option[] = "-c";
    char* const argv[] = {shell, option, const_cast<char*>(command), nullptr};
    pid_t pid = 0;
    if (const int error = spawn(pid, argv, environment, false); error != 0) {
        return {.how = HookEnd::How::kNotRun, .number = error};
    }
    const Clock::time_point end = Clock::now() + timeout;
    sigset_t awaited;
    ::sigemptyset(&awaited);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGQUIT}) {
        ::sigaddset(&awaited, signal);
    }
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
        const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(end - Clock::now()).count();
        const timespec time{.tv_sec = left / kNanoseconds, .tv_nsec = left % kNanoseconds};
        const int signal = left > 0 ? ::sigtimedwait(&awaited, nullptr, &time) : 0;
        if (left <= 0 || (signal > 0 && signal != SIGCHLD)) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, &status, 0);
            return {.how = left <= 0 ? HookEnd::How::kLate : HookEnd::How::kStopped};
        }
        if (signal < 0) {
            ::poll(nullptr, 0, 1); // the app's filter refuses the call, or the time is over
        }
    }
    if (WIFSIGNALED(status)) {
        return {.how = HookEnd::How::kSignal, .number = WTERMSIG(status)};
    }
    return {.how = WEXITSTATUS(status) == 0 ? HookEnd::How::kDone : HookEnd::How::kStatus,
            .number = WEXITSTATUS(status)};
}

bool is_roots_alone(const struct stat& now) {
    return now.st_uid == 0 && (now.st_mode & S_IWOTH) == 0 && ((now.st_mode & S_IWGRP) == 0 || now.st_gid == 0);
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
    const std::string unread = "--before-drop-dir: cannot read " + directory;
    sys::Fd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat now{};
    if (!opened || ::fstat(opened.get(), &now) < 0) {
        return call_failed(ExitCode::kSetup, unread, "open", errno);
    }
    if (!is_roots_alone(now)) {
        return fail(ExitCode::kSetup,
                    "--before-drop-dir: " + directory + " must be root's, and nobody else may write it");
    }
    sys::Directory listed(std::move(opened));
    std::vector<std::string> names;
    while (const auto entry = listed.next()) {
        names.emplace_back(entry->name);
    }
    if (listed.error() != 0) { // what is not seen is not run
        return call_failed(ExitCode::kSetup, unread, "getdents64", listed.error());
    }
    sort_many(names);
    return names;
}

constexpr std::string_view kShellEnding = ".sh";

// As run-parts(8) has it: editors and packages leave other files behind.
bool is_hooks_name(std::string_view name) {
    if (name.ends_with(kShellEnding)) {
        name.remove_suffix(kShellEnding.size());
    }
    constexpr std::string_view kFine = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return !name.empty() && name.find_first_not_of(kFine) == std::string_view::npos;
}

// What execve(2) takes, or a shell if it does not say: a name in .sh says what it is.
bool needs_shell(const std::string& path, bool is_program) {
    char begin[2] = {};
    const sys::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const bool names_one =
        file && ::read(file.get(), begin, sizeof begin) == sizeof begin && begin[0] == '#' && begin[1] == '!';
    return path.ends_with(kShellEnding) && !(is_program && names_one);
}

// Programs are run, and what ends in .sh by a shell; anything else is no hook.
Result<> run_directory(const std::string& directory, milliseconds timeout, const Log& log) {
    const auto names = names_in(directory);
    if (!names) {
        return std::unexpected(names.error());
    }
    for (const std::string& name : *names) {
        const std::string path = directory + "/" + name;
        struct stat now{};
        if (::stat(path.c_str(), &now) < 0 || !S_ISREG(now.st_mode)) {
            continue;
        }
        const bool is_program = (now.st_mode & 0111) != 0;
        if (!is_hooks_name(name) || (!is_program && !name.ends_with(kShellEnding))) {
            log.info("not run, being neither a program nor *.sh, or not named as run-parts(8) wants it: " + path);
            continue;
        }
        if (!is_roots_alone(now)) {
            return fail(ExitCode::kSetup,
                        "--before-drop-dir: " + path + " must be root's, and nobody else may write it");
        }
        const std::vector<std::string> words =
            needs_shell(path, is_program) ? std::vector<std::string>{kShell, path} : std::vector{path};
        if (auto done = run_hook(path, words, timeout); !done) {
            return done;
        }
    }
    return {};
}

} // namespace

Result<> run_before_drop(const Hooks& hooks, const Log& log) {
    for (const std::string& command : hooks.before_drop) {
        if (auto done = run_hook(quoted(command), {kShell, "-c", command}, hooks.timeout); !done) {
            return done;
        }
    }
    for (const std::string& directory : hooks.before_drop_dirs) {
        if (auto done = run_directory(directory, hooks.timeout, log); !done) {
            return done;
        }
    }
    return {};
}

HookEnd run_before_start(const Hooks& hooks, char* const* environment) noexcept {
    for (std::size_t i = 0; i < hooks.before_start.size(); ++i) {
        HookEnd end = run_as_the_app(hooks.before_start[i].c_str(), environment, hooks.timeout);
        if (end.how != HookEnd::How::kDone) {
            end.hook = i;
            return end;
        }
    }
    return {};
}

Error explain(const HookEnd& end, const Hooks& hooks) {
    const std::string what = quoted(hooks.before_start[end.hook]);
    switch (end.how) {
    case HookEnd::How::kNotRun:
        return not_run(what, end.number).error();
    case HookEnd::How::kStatus:
        return hook_failed(what, fmt::format("ended with status {}", end.number)).error();
    case HookEnd::How::kSignal:
        return hook_failed(what, fmt::format("was ended by signal {}", end.number)).error();
    case HookEnd::How::kLate:
        return hook_failed(what, kLate).error();
    default:
        return hook_failed(what, kStopped).error();
    }
}

} // namespace stepdown::commands
