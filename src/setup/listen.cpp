#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "setup/listen.hpp"
#include "setup/place.hpp"

namespace stepdown::setup {
namespace {

constexpr int kAbove = 64; // out of the way of descriptors 3 and up
constexpr mode_t kSocketMode = 0660;
constexpr std::string_view kPortHelp = "a port below 1024 needs --cap-add=NET_BIND_SERVICE at the container's start";

std::string name_of(const ListenSocket& asked) {
    if (asked.kind == ListenSocket::Kind::kUnix) {
        return "unix:" + asked.address;
    }
    const std::string host = asked.address.contains(':') ? "[" + asked.address + "]" : asked.address;
    return fmt::format("{}:{}:{}", asked.kind == ListenSocket::Kind::kUdp ? "udp" : "tcp", host, asked.port);
}

std::unexpected<Error> failed(const ListenSocket& asked, std::string_view call, int error, std::string_view help = {}) {
    return call_failed(ExitCode::kSetup, "--listen: cannot open " + name_of(asked), call, error, help);
}

union Address {
    sockaddr any;
    sockaddr_in four;
    sockaddr_in6 six;
    sockaddr_un local;
};

socklen_t internet_address(const ListenSocket& asked, Address& address) {
    if (::inet_pton(AF_INET, asked.address.c_str(), &address.four.sin_addr) == 1) {
        address.four.sin_family = AF_INET;
        address.four.sin_port = htons(asked.port);
        return sizeof address.four;
    }
    if (::inet_pton(AF_INET6, asked.address.c_str(), &address.six.sin6_addr) == 1) {
        address.six.sin6_family = AF_INET6;
        address.six.sin6_port = htons(asked.port);
        return sizeof address.six;
    }
    return 0;
}

Result<sys::Fd> bound(const ListenSocket& asked, const Address& address, socklen_t length) {
    const int type = asked.kind == ListenSocket::Kind::kUdp ? SOCK_DGRAM : SOCK_STREAM;
    const sys::Fd low(::socket(address.any.sa_family, type | SOCK_CLOEXEC, 0));
    sys::Fd fd(low ? ::fcntl(low.get(), F_DUPFD_CLOEXEC, kAbove) : -1);
    if (!fd) {
        return failed(asked, "socket", errno);
    }
    const int on = 1;
    if (asked.kind == ListenSocket::Kind::kTcp) {
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (address.any.sa_family == AF_INET6) { // [::] is IPv6's alone; 0.0.0.0 can be asked for too
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (::bind(fd.get(), &address.any, length) < 0) {
        return failed(asked, "bind", errno, errno == EACCES ? kPortHelp : "");
    }
    if (type == SOCK_STREAM && ::listen(fd.get(), SOMAXCONN) < 0) {
        return failed(asked, "listen", errno);
    }
    return fd;
}

// By the open directory, so that no link above or at the name decides where the socket is made.
Result<sys::Fd> bound_in(Job& job, const ListenSocket& asked, const Place& place) {
    const auto found = look_at(job.kernel, place);
    if (!found) {
        return job.give_up(found.error(), place.path);
    }
    if (*found) {
        if (!S_ISSOCK((*found)->now.st_mode)) {
            return job.give_up({Act::kCreate, 0, "it exists and is no socket"}, place.path);
        }
        if (const auto gone = job.kernel.remove_at(place.parent.get(), place.name.c_str(), 0); !gone) {
            return job.give_up({Act::kRemove, gone.error()}, place.path);
        }
    }
    Address address{};
    address.local.sun_family = AF_UNIX;
    const std::string path = fmt::format("/proc/self/fd/{}/{}", place.parent.get(), place.name);
    if (path.size() >= sizeof address.local.sun_path) {
        return failed(asked, "bind", ENAMETOOLONG);
    }
    std::memcpy(address.local.sun_path, path.c_str(), path.size() + 1);
    const mode_t before = ::umask(0177); // nobody else's until it is the app's
    auto fd = bound(asked, address, sizeof address.local);
    ::umask(before);
    if (!fd) {
        return fd;
    }
    const auto made = look_at(job.kernel, place);
    if (!made || !*made) {
        return job.give_up(made ? Trouble{Act::kEnter, ENOENT} : made.error(), place.path);
    }
    const auto set =
        settle(job, {(*made)->pin.get()}, (*made)->now, {job.uid, job.gid, asked.mode.value_or(kSocketMode)});
    if (!set) {
        return job.give_up(set.error(), place.path, (*made)->pin.get());
    }
    return fd;
}

Result<sys::Fd> open_socket(sys::Kernel& kernel, const ListenSocket& asked, uid_t uid, gid_t gid) {
    if (asked.kind != ListenSocket::Kind::kUnix) {
        Address address{};
        const socklen_t length = internet_address(asked, address);
        return length == 0 ? Result<sys::Fd>(failed(asked, "inet_pton", EINVAL)) : bound(asked, address, length);
    }
    Job job = plain_job(kernel, "--listen", asked.address, uid, gid);
    const auto place = reach(job, asked.address, true);
    return place ? bound_in(job, asked, **place) : std::unexpected(place.error());
}

} // namespace

Result<std::vector<sys::Fd>> open_sockets(sys::Kernel& kernel, std::span<const ListenSocket> asked, uid_t uid,
                                          gid_t gid) {
    std::vector<sys::Fd> sockets;
    for (const ListenSocket& one : asked) {
        auto fd = open_socket(kernel, one, uid, gid);
        if (!fd) {
            return std::unexpected(fd.error());
        }
        sockets.push_back(std::move(*fd));
    }
    return sockets;
}

} // namespace stepdown::setup
