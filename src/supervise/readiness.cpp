#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervise/readiness.hpp"

namespace stepdown::supervise {
namespace {

constexpr std::size_t kLongestMessage = 4096; // sd_notify(3) messages are some dozen bytes; a longer one says nothing

std::unexpected<Error> failed(std::string_view what, std::string_view call) {
    return call_failed(ExitCode::kInternal, what, call, errno);
}

// An abstract address that the kernel chooses: it needs no directory that could be written.
Result<sys::Fd> open_socket(std::string& name) {
    sys::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof address;
    const int on = 1;
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address.sun_family) < 0 ||
        ::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) < 0) {
        return failed("cannot open the app's notification socket", "socket");
    }
    name.assign("@").append(address.sun_path + 1, length - offsetof(sockaddr_un, sun_path) - 1);
    return socket;
}

} // namespace

Result<Accounts> Accounts::open(const Supervision& asked, const std::string& file) {
    Accounts accounts;
    if (!file.empty()) {
        accounts.file_ = sys::Fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
        if (!accounts.file_) {
            return failed("cannot write " + file, "open");
        }
    }
    if (asked.ready.kind == Readiness::Kind::kDescriptor) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) < 0) {
            return failed("cannot make the pipe of --ready", "pipe2");
        }
        accounts.own_end_ = sys::Fd(ends[0]);
        accounts.app_end_ = sys::Fd(ends[1]);
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        return accounts;
    }
    if (asked.ready.kind == Readiness::Kind::kNotify || asked.watchdog) {
        Result<sys::Fd> socket = open_socket(accounts.socket_name_);
        if (!socket) {
            return std::unexpected(socket.error());
        }
        accounts.own_end_ = std::move(*socket);
        accounts.is_socket_ = true;
    }
    return accounts;
}

Notice Accounts::take() noexcept { return is_socket_ ? take_message() : take_line(); }

// There is room for the sender's credentials alone, which the kernel puts first: descriptors that come as well, as with
// FDSTORE=1, are closed by it (MSG_CTRUNC), and the message says what it says.
Notice Accounts::take_message() noexcept {
    std::array<char, kLongestMessage> text;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control;
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(own_end_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length <= 0 || (message.msg_flags & MSG_TRUNC) != 0) {
        return {};
    }
    ucred sender{};
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS) {
        return {};
    }
    std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
    return sender.pid <= 0 ? Notice() : read_notice({text.data(), static_cast<std::size_t>(length)});
}

// A line, whatever is in it. When nobody can write any more there is nothing left to wait for.
Notice Accounts::take_line() noexcept {
    std::array<char, 256> text;
    const ssize_t length = ::read(own_end_.get(), text.data(), text.size());
    Notice notice;
    if (length > 0) {
        notice.ready = std::string_view(text.data(), static_cast<std::size_t>(length)).contains('\n');
    }
    if (length == 0 || notice.ready) {
        own_end_ = sys::Fd();
    }
    return notice;
}

void Accounts::say(std::string_view word) noexcept {
    bool& said = word == "ready" ? said_ready_ : said_stopping_;
    if (!file_ || said || said_stopping_) {
        return;
    }
    said = true;
    char line[16];
    const std::size_t length = word.copy(line, sizeof line - 1);
    line[length] = '\n';
    [[maybe_unused]] const ssize_t written = ::write(file_.get(), line, length + 1);
}

} // namespace stepdown::supervise
