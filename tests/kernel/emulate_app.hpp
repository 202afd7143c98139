#pragma once

#include <array>
#include <cerrno>
#include <functional>
#include <optional>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/descriptor.hpp"
#include "commands/emulation.hpp"
#include "confine/compile.hpp"
#include "confine/syscalls.hpp"
#include "emulate/listener.hpp"

// A process of an ordinary user under the emulation's filter, and its listener, which is as unprivileged.
namespace stepdown::emulate {

inline constexpr uid_t kUser = 12345;
inline constexpr std::uint64_t kAll = 0x1ffffffffff;

// What the app prints and how it ends; chroots: how often the listener said that one was faked.
struct Outcome {
    std::string output;
    int status = -1;
    int chroots = 0;
};

[[noreturn]] inline void run_app(const Emulation& emulation, const std::function<int()>& app, int socket, int output) {
    const auto program = confine::compile(commands::profile_of(emulation));
    sock_fprog loaded{.len = static_cast<unsigned short>(program->size()),
                      .filter = const_cast<sock_filter*>(program->data())};
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // as every program is after execve(2)
    const long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &loaded);
    (void)commands::send_descriptor(socket, static_cast<int>(listener));
    ::close(static_cast<int>(listener));
    ::close(socket);
    ::_exit(app());
}

// The listener's process: as unprivileged as the app. Its exit status is the number of faked chroots it heard of.
[[noreturn]] inline void listen(const Emulation& emulation, const std::function<int()>& app, int output,
                                int status_to) {
    ::setgroups(0, nullptr);
    if (::setresgid(kUser, kUser, kUser) != 0 || ::setresuid(kUser, kUser, kUser) != 0) {
        ::_exit(100);
    }
    int sockets[2];
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets);
    const pid_t child = ::fork();
    if (child == 0) {
        run_app(emulation, app, sockets[1], output);
    }
    ::close(sockets[1]);
    ::close(output);
    Listener listener(commands::receive_descriptor(sockets[0]), sys::Fd(::open("/proc", O_PATH | O_DIRECTORY)),
                      Session(root(kAll), limits_of(CAP_LAST_CAP)), commands::call_numbers(),
                      confine::facts_of(confine::native_architecture()).audit,
                      emulation.owners ? std::optional(Owners({.uid = kUser, .gid = kUser})) : std::nullopt);
    int chroots = 0;
    for (Listener::Event event = Listener::Event::kAnswered; event != Listener::Event::kOver;
         event = listener.answer()) {
        chroots += event == Listener::Event::kFakedChroot ? 1 : 0;
        pollfd state{.fd = listener.descriptor(), .events = POLLIN, .revents = 0};
        ::poll(&state, 1, -1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    [[maybe_unused]] const auto told = ::write(status_to, &status, sizeof status);
    ::_exit(chroots);
}

inline Outcome run(const std::function<int()>& app, const char* words = "full", bool owners = false) {
    EXPECT_EQ(::geteuid(), 0U) << "this test becomes another user: run it as root";
    auto emulation = parse_emulation(words, {});
    emulation->owners = owners;
    int output[2];
    int status_pipe[2];
    EXPECT_EQ(::pipe2(output, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(status_pipe, O_CLOEXEC), 0);
    const pid_t listener = ::fork();
    if (listener == 0) {
        ::alarm(60);
        listen(*emulation, app, output[1], status_pipe[1]);
    }
    ::close(output[1]);
    ::close(status_pipe[1]);
    Outcome outcome;
    std::array<char, 4096> part;
    for (ssize_t got = 0; (got = ::read(output[0], part.data(), part.size())) > 0;) {
        outcome.output.append(part.data(), static_cast<std::size_t>(got));
    }
    EXPECT_EQ(::read(status_pipe[0], &outcome.status, sizeof outcome.status),
              static_cast<ssize_t>(sizeof outcome.status));
    ::close(output[0]);
    ::close(status_pipe[0]);
    int ended = 0;
    ::waitpid(listener, &ended, 0);
    EXPECT_TRUE(WIFEXITED(ended)) << "the listener died of signal " << WTERMSIG(ended);
    outcome.chroots = WEXITSTATUS(ended);
    return outcome;
}

} // namespace stepdown::emulate
