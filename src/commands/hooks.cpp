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
#include "sys/directory.hpp"

namespace stepdown::commands {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr char kShell[] = "/bin/sh";

bool is_stopped() {
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGTERM) == 1 || ::sigismember(&pending, SIGINT) == 1 ||
           ::sigismember(&pending, SIGQUIT) == 1;
}

std::unexpected<Error> hook_failed(const std::string& what, std::string_view why) {
    return fail(ExitCode::kSetup, fmt::format("the hook {} {}", what, why));
}

// A process group of its own, so that all of it can be ended; signals as a new program expects them.
Result<pid_t> spawn(const std::string& what, std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, argv.front(), nullptr, &attributes, argv.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        return call_failed(ExitCode::kSetup, "cannot run the hook " + what, "posix_spawn", error);
    }
    return pid;
}

Result<> run_hook(const std::string& what, std::vector<std::string> words, milliseconds timeout) {
    constexpr milliseconds kSlice{100}; // how soon a stop signal is noticed
    const Result<pid_t> pid = spawn(what, std::move(words));
    if (!pid) {
        return std::unexpected(pid.error());
    }
    const Clock::time_point end = Clock::now() + timeout;
    const sys::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
    int status = 0;
    std::string_view why;
    while (::waitpid(*pid, &status, WNOHANG) == 0) {
        why = is_stopped()         ? "was ended: the container is to stop"
              : Clock::now() > end ? "was not done in time: killed"
                                   : "";
        if (!why.empty()) {
            ::kill(-*pid, SIGKILL);
            ::waitpid(*pid, &status, 0);
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
    std::ranges::sort(names);
    return names;
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
        if (!is_program && !name.ends_with(".sh")) {
            log.info("not run, being neither a program nor *.sh: " + path);
            continue;
        }
        if (!is_roots_alone(now)) {
            return fail(ExitCode::kSetup,
                        "--before-drop-dir: " + path + " must be root's, and nobody else may write it");
        }
        const std::vector<std::string> words = is_program ? std::vector{path} : std::vector<std::string>{kShell, path};
        if (auto done = run_hook(path, words, timeout); !done) {
            return done;
        }
    }
    return {};
}

} // namespace

Result<> run_before_drop(sys::Kernel&, const Hooks& hooks, const Log& log) {
    for (const std::string& command : hooks.before_drop) {
        if (auto done = run_hook("\"" + command + "\"", {kShell, "-c", command}, hooks.timeout); !done) {
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

std::vector<std::string> with_before_start(const Hooks& hooks, std::vector<std::string> command) {
    if (hooks.before_start.empty() || command.empty()) {
        return command;
    }
    std::string script;
    for (const std::string& hook : hooks.before_start) {
        script.append("(").append(hook).append("\n) || exit\n");
    }
    script.append("exec \"$@\"");
    std::vector<std::string> words{kShell, "-c", std::move(script), "stepdown"};
    words.append_range(std::move(command));
    return words;
}

} // namespace stepdown::commands
