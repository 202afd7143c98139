#include "commands/emulation.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "commands/descriptor.hpp"
#include "commands/start.hpp"
#include "confine/compile.hpp"
#include "confine/digest.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::commands {
namespace {

using emulate::How;

confine::Rule rule_of(const emulate::Row& row, How answered) {
    confine::Rule rule{.names = {std::string(row.name)},
                       .action = answered == How::kZero ? SECCOMP_RET_ERRNO : SECCOMP_RET_USER_NOTIF,
                       .conditions = {}};
    if (row.when.unequal) {
        rule.conditions = {{row.when.argument, confine::Compare::kNotEqual, row.when.value}};
    } else if (row.when.mask != 0) {
        rule.conditions = {{row.when.argument, confine::Compare::kMaskedEqual, row.when.mask, row.when.value}};
    }
    return rule;
}

unsigned last_capability() {
    unsigned last = 0;
    while (::prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0) {
        ++last;
    }
    return last;
}

emulate::Session session_of_root() {
    const emulate::KernelLimits limits = emulate::limits_of(last_capability());
    return emulate::Session(emulate::root(limits.capabilities), limits);
}

} // namespace

sys::Fd open_proc(sys::Kernel& kernel) {
    auto proc = kernel.open_status(0) ? kernel.open_at(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY)
                                      : sys::Sys<sys::Fd>(std::unexpected(ESRCH));
    return proc ? std::move(*proc) : sys::Fd();
}

confine::Profile profile_of(const emulate::Emulation& emulation) {
    confine::Profile profile{.default_action = SECCOMP_RET_ALLOW, .architectures = {}, .rules = {}};
    const confine::Architecture native = confine::native_architecture();
    for (const confine::ArchitectureFacts& facts : confine::architectures()) {
        if (facts.kernel == native) {
            profile.architectures.push_back(facts.architecture);
        }
    }
    for (const emulate::Row& row : emulate::table()) {
        if (const How answered = emulate::how(row, emulation); answered != How::kKernel) {
            profile.rules.push_back(rule_of(row, answered));
        }
    }
    return profile;
}

std::vector<emulate::CallNumber> call_numbers() {
    std::vector<emulate::CallNumber> numbers;
    for (const emulate::Row& row : emulate::table()) {
        if (row.call == emulate::Call::kNone) {
            continue;
        }
        for (const confine::Entry& entry : confine::entries_of(row.name, confine::native_architecture())) {
            numbers.push_back({static_cast<std::int32_t>(entry.number), row.call});
        }
    }
    return numbers;
}

Result<RootEmulation> root_emulation_of(const Plan& plan) {
    auto chosen = emulate::parse_emulation(plan.emulate_root, source_of(plan, "emulate-root"));
    if (!chosen) {
        return std::unexpected(chosen.error());
    }
    if (chosen->level == emulate::Level::kOff) {
        return {};
    }
    chosen->owners = plan.emulate_owners;
    auto program = confine::compile(profile_of(*chosen));
    if (!program) {
        return std::unexpected(program.error());
    }
    std::string digest = confine::sha256(*program);
    return RootEmulation{.chosen = *chosen, .filter = confine::Filter(std::move(*program), 0, std::move(digest))};
}

std::string without_listener(const std::string& emulate_root) {
    auto chosen = emulate::parse_emulation(emulate_root, {});
    if (!chosen || chosen->level != emulate::Level::kFull) {
        return emulate_root;
    }
    emulate::Emulation ids{.level = emulate::Level::kIds, .removed = {}};
    for (const emulate::Row& row : emulate::table()) {
        if (!chosen->has(row.item) && row.ids != How::kKernel) {
            ids.removed.set(static_cast<std::size_t>(row.item));
        }
    }
    return emulate::to_text(ids);
}

// A thread that waits for its answer is not woken by signals any more once PID 1 has taken the notification, so that
// no call is answered twice: since Linux 5.19.
sys::Sys<sys::Fd> load_listened(sys::Kernel& kernel, std::span<const sock_filter> program, unsigned flags) noexcept {
    auto listener = kernel.load_listened_filter(program, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if (!listener && listener.error() == EINVAL) {
        listener = kernel.load_listened_filter(program, flags);
    }
    return listener;
}

// From here on each call may be one that PID 1 has to hear of, and cannot before it has the descriptor: somebody else
// sends it. What he needs is not on the stack, which execve(2) and he end together.
sys::Sys<> load_heard(sys::Kernel& kernel, std::span<const sock_filter> program, unsigned flags, int socket) noexcept {
    static Courier courier;
    if (const auto waits = courier.wait_at(socket); !waits) {
        return waits;
    }
    auto listener = load_listened(kernel, program, flags);
    courier.take(listener ? listener->release() : -1);
    return listener ? sys::Sys<>() : std::unexpected(listener.error());
}

// Without /proc PID 1 answers as the filter does at ids.
RootListener::RootListener(sys::Kernel& kernel, const emulate::Emulation& chosen, const Log& log,
                           emulate::Before before)
    : proc_(open_proc(kernel)), numbers_(call_numbers()), session_(session_of_root()), before_(before), log_(log) {
    if (chosen.owners) {
        owners_.emplace(emulate::Owner{.uid = ::getuid(), .gid = ::getgid()});
    }
}

supervise::OtherWork RootListener::work(sys::Fd listener) {
    listener_.emplace(std::move(listener), std::move(proc_), std::move(session_), std::move(numbers_),
                      confine::facts_of(confine::native_architecture()).audit, std::move(owners_), before_);
    return {.descriptor = listener_->descriptor(), .on_readable = answer, .context = this};
}

bool RootListener::answer(void* self) {
    auto& own = *static_cast<RootListener*>(self);
    switch (own.listener_->answer()) {
    case emulate::Listener::Event::kFakedChroot:
        own.log_.warn("the app called chroot and was told that it succeeded: there is no jail, it still sees the whole "
                      "container; --emulate-root=full,-chroot leaves the call to the kernel");
        return true;
    case emulate::Listener::Event::kOver:
        own.listener_.reset();
        return false;
    case emulate::Listener::Event::kAnswered:
        break;
    }
    return true;
}

} // namespace stepdown::commands
