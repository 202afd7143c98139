#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emulate/listener.hpp"

namespace stepdown::emulate {

Listener::Listener(sys::Fd listener, sys::Fd proc, Session session, std::vector<CallNumber> numbers,
                   std::uint32_t architecture, std::optional<Owners> owners, Before before)
    : listener_(std::move(listener)), proc_(std::move(proc)), session_(std::move(session)), owners_(std::move(owners)),
      numbers_(std::move(numbers)), architecture_(architecture), before_(before) {}

Response Listener::respond(const seccomp_notif& request) {
    if (before_.answer != nullptr) {
        if (const std::optional<Response> answered = before_.answer(before_.context, request)) {
            return *answered;
        }
    }
    const auto found = std::ranges::find(numbers_, request.data.nr, &CallNumber::number);
    if (request.data.arch != architecture_ || found == numbers_.end()) {
        return {.to_kernel = true};
    }
    const auto thread = static_cast<pid_t>(request.pid);
    Notification call = {.thread = thread, .call = found->call, .args = {}};
    std::ranges::copy(request.data.args, call.args.begin());
    if (call.call < Call::kChown) {
        return session_.answer(call, proc_);
    }
    if (!owners_) {
        return {.to_kernel = true};
    }
    return call.call < Call::kStat ? owners_->change(call, session_.has_capability(thread, CAP_CHOWN, proc_), proc_)
                                   : owners_->tell(call, proc_);
}

Listener::Event Listener::answer() {
    pollfd state{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&state, 1, 0) == 1 && (state.revents & POLLIN) == 0) {
        return Event::kOver; // POLLHUP alone
    }
    seccomp_notif request{};
    if ((state.revents & POLLIN) == 0 ||
        ::syscall(SYS_ioctl, listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) {
        return Event::kAnswered; // ENOENT: killed while it waited
    }
    proc_.answering(listener_.get(), request.id);
    const Response response = respond(request);
    seccomp_notif_resp reply{.id = request.id,
                             .val = response.value,
                             .error = -response.error,
                             .flags = response.to_kernel ? std::uint32_t{SECCOMP_USER_NOTIF_FLAG_CONTINUE} : 0U};
    ::syscall(SYS_ioctl, listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &reply);
    return response.fakes_chroot && !std::exchange(chroot_said_, true) ? Event::kFakedChroot : Event::kAnswered;
}

} // namespace stepdown::emulate
