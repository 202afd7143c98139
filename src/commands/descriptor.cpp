#include "commands/descriptor.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sched.h>
#include <sys/socket.h>

#include "sys/thread.hpp"

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

sys::Sys<> Courier::wait_at(int socket) noexcept {
    socket_ = socket;
    return sys::start_thread(run, this, stack_);
}

int Courier::run(void* self) {
    auto& own = *static_cast<Courier*>(self);
    while (own.taken_ == kNotYet) {
        ::sched_yield();
    }
    if (own.taken_ != kNone) {
        [[maybe_unused]] const auto sent = send_descriptor(own.socket_, own.taken_ - 1);
    }
    return 0;
}

} // namespace stepdown::commands
