#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands/start.hpp"
#include "commands/wait_for.hpp"
#include "plan/explain.hpp"
#include "sys/fd.hpp"

namespace stepdown::commands {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Why there is no answer, in words that last; null: there is one.
using Why = const char*;

int connecting(int family, const sockaddr* address, socklen_t length) {
    constexpr int kPatience = 1000; // milliseconds for one try
    const sys::Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || (::connect(fd.get(), address, length) < 0 && errno != EINPROGRESS)) {
        return errno;
    }
    pollfd one{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (::poll(&one, 1, kPatience) != 1) {
        return ETIMEDOUT;
    }
    return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Why connects(int family, const sockaddr* address, socklen_t length) {
    const int error = connecting(family, address, length);
    return error == 0 ? nullptr : std::strerror(error);
}

Why answers_tcp(const WaitFor& target) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(target.target.c_str(), target.port.c_str(), &hints, &found); error != 0) {
        return ::gai_strerror(error);
    }
    Why why = "";
    for (const addrinfo* one = found; one != nullptr && why != nullptr; one = one->ai_next) {
        why = connects(one->ai_family, one->ai_addr, one->ai_addrlen);
    }
    ::freeaddrinfo(found);
    return why;
}

Why answers_unix(const WaitFor& target) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (target.target.size() >= sizeof address.sun_path) {
        return std::strerror(ENAMETOOLONG);
    }
    std::memcpy(address.sun_path, target.target.c_str(), target.target.size() + 1);
    return connects(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Why answers(const WaitFor& target) {
    struct stat found{};
    switch (target.kind) {
    case WaitFor::Kind::kTcp:
        return answers_tcp(target);
    case WaitFor::Kind::kUnix:
        return answers_unix(target);
    case WaitFor::Kind::kFile:
        break;
    }
    return ::stat(target.target.c_str(), &found) == 0 ? nullptr : std::strerror(errno);
}

bool is_stopped() {
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGTERM) == 1 || ::sigismember(&pending, SIGINT) == 1 ||
           ::sigismember(&pending, SIGQUIT) == 1;
}

} // namespace

Result<> wait_for_all(const Plan& plan, const Log& log) {
    const Clock::time_point began = Clock::now();
    Clock::time_point told = began;
    for (const WaitFor& target : plan.wait_for) {
        while (const Why why = answers(target)) {
            const Clock::time_point now = Clock::now();
            if (is_stopped()) {
                return fail(ExitCode::kSetup, "stopped while waiting for " + plan::in_words(target));
            }
            if (now - began > plan.wait_timeout) {
                return fail(ExitCode::kSetup,
                            fmt::format("{}: {} does not answer after {} ms: {}", source_of(plan, "wait-for").where,
                                        plan::in_words(target), plan.wait_timeout.count(), why));
            }
            if (now - told > 5s) {
                told = now;
                log.warn("still waiting for " + plan::in_words(target) + ": " + why);
            }
            ::poll(nullptr, 0, 200);
        }
    }
    return {};
}

} // namespace stepdown::commands
