#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <linux/seccomp.h>

#include "emulate/owners.hpp"
#include "emulate/proc.hpp"
#include "emulate/session.hpp"
#include "sys/fd.hpp"

namespace stepdown::emulate {

// The number of a notified call on this machine.
struct CallNumber {
    std::int32_t number = 0;
    Call call = Call::kNone;
};

// Somebody who is asked before the session is; an answer is final.
struct Before {
    std::optional<Response> (*answer)(void* context, const seccomp_notif& request) noexcept = nullptr; // none: nobody
    void* context = nullptr;
};

// The listening end of a filter with notified calls, seccomp_unotify(2). To be polled; readable means answer().
class Listener {
  public:
    // architecture: AUDIT_ARCH_* of the machine; calls through any other go to the kernel.
    // owners: without, their calls go to the kernel.
    Listener(sys::Fd listener, sys::Fd proc, Session session, std::vector<CallNumber> numbers,
             std::uint32_t architecture, std::optional<Owners> owners = {}, Before before = {});

    int descriptor() const noexcept { return listener_.get(); }

    // What the caller has to say or do about it.
    enum class Event {
        kAnswered,
        kFakedChroot, // the first time only
        kOver,        // nobody is under the filter any more: close it
    };

    // One notification. A caller that has gone meanwhile is no error. Does not block when the descriptor was readable.
    Event answer();

  private:
    Response respond(const seccomp_notif& request);

    sys::Fd listener_;
    Proc proc_;
    Session session_;
    std::optional<Owners> owners_;
    std::vector<CallNumber> numbers_;
    std::uint32_t architecture_;
    Before before_;
    bool chroot_said_ = false;
};

} // namespace stepdown::emulate
