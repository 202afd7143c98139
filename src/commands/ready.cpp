#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands/commands.hpp"
#include "commands/log.hpp"
#include "supervise/readiness.hpp"

namespace stepdown::commands {
namespace {

constexpr int kNotReady = 1;
constexpr int kPatience = 2000; // ms for an address to answer; engines give a check 30 s

// The last start's file; "" if there is none.
std::string read_ready_file(sys::Kernel& kernel) {
    for (const std::string_view path : supervise::kReadyFiles) {
        if (const auto file = kernel.open_at(AT_FDCWD, std::string(path).c_str(), O_RDONLY)) {
            if (const auto text = kernel.read_whole(*file)) {
                return *text;
            }
        }
    }
    return {};
}

bool answers(const sockaddr* address, socklen_t length) {
    const sys::Fd socket(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
        return false;
    }
    if (::connect(socket.get(), address, length) == 0) {
        return true;
    }
    pollfd done{.fd = socket.get(), .events = POLLOUT, .revents = 0};
    int error = errno;
    socklen_t size = sizeof error;
    return error == EINPROGRESS && ::poll(&done, 1, kPatience) == 1 &&
           ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool port_answers(std::string_view digits) {
    std::uint16_t port = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    six.sin6_addr = IN6ADDR_LOOPBACK_INIT;
    return answers(reinterpret_cast<const sockaddr*>(&four), sizeof four) ||
           answers(reinterpret_cast<const sockaddr*>(&six), sizeof six);
}

bool path_answers(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return false;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return answers(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// Why the app is not ready; empty: it is.
std::string_view why_not(std::string_view text) {
    const std::string_view how = text.substr(0, text.find('\n'));
    if (text.ends_with("\nstopping\n")) {
        return "the app is stopping";
    }
    if (how.starts_with("tcp:")) {
        return port_answers(how.substr(4)) ? "" : "the app's port does not answer";
    }
    if (how.starts_with("unix:")) {
        return path_answers(how.substr(5)) ? "" : "the app's socket does not answer";
    }
    return text.contains("\nready\n") ? "" : "the app has not said so yet";
}

} // namespace

int ready(sys::Kernel& kernel, const cli::Parsed& parsed) {
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    const std::string text = read_ready_file(kernel);
    if (text.empty()) {
        return log.failed({ExitCode::kUsage, "nothing says when the app is ready: start it with --ready"});
    }
    const std::string_view why = why_not(text);
    if (why.empty()) {
        return to_status(ExitCode::kSuccess);
    }
    log.warn("not ready: " + std::string(why));
    return kNotReady;
}

} // namespace stepdown::commands
