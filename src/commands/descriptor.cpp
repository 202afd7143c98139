#include "commands/descriptor.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace stepdown::commands {
namespace {

// What sendmsg(2) and recvmsg(2) want: a byte, and room for one descriptor.
struct Message {
    char byte = 0;
    iovec data{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};

    Message() noexcept {
        header.msg_iov = &data;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = sizeof control;
    }
};

} // namespace

sys::Sys<> send_descriptor(int socket, int descriptor) noexcept {
    Message message;
    cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    return ::sendmsg(socket, &message.header, MSG_NOSIGNAL) == 1 ? sys::Sys<>() : std::unexpected(errno);
}

sys::Fd receive_descriptor(int socket) noexcept {
    Message message;
    ssize_t got = 0;
    while ((got = ::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
    }
    const cmsghdr* rights = got == 1 ? CMSG_FIRSTHDR(&message.header) : nullptr;
    int descriptor = -1;
    if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        std::memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
    }
    return sys::Fd(descriptor);
}

} // namespace stepdown::commands
