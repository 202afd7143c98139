#include <algorithm>
#include <cerrno>
#include <utility>

#include <linux/capability.h>

#include "emulate/capability_calls.hpp"
#include "emulate/session.hpp"

namespace stepdown::emulate {
namespace {

// Whether an execve(2) lies between the two.
bool executed(const Process& earlier, const Process& later) {
    return earlier.image != 0 && later.image != 0 && earlier.image != later.image;
}

bool same(const Process& one, const Process& other) { return one.pid == other.pid && one.start == other.start; }

Response response_of(const Answer& answer) {
    return answer ? Response{.value = *answer} : Response{.error = answer.error()};
}

constexpr Response kToKernel = {.to_kernel = true};

// Those that are told and tell by value alone.
std::optional<Answer> answer_ids(Call call, const std::array<std::uint64_t, 6>& args, Credentials& own) {
    switch (call) {
    case Call::kGetUid:
        return own.uid[kReal];
    case Call::kGetEuid:
        return own.uid[kEffective];
    case Call::kGetGid:
        return own.gid[kReal];
    case Call::kGetEgid:
        return own.gid[kEffective];
    case Call::kSetUid:
        return set_uid(own, low(args[0]));
    case Call::kSetReuid:
        return set_reuid(own, low(args[0]), low(args[1]));
    case Call::kSetResuid:
        return set_resuid(own, low(args[0]), low(args[1]), low(args[2]));
    case Call::kSetFsuid:
        return set_fsuid(own, low(args[0]));
    case Call::kSetGid:
        return set_gid(own, low(args[0]));
    case Call::kSetRegid:
        return set_regid(own, low(args[0]), low(args[1]));
    case Call::kSetResgid:
        return set_resgid(own, low(args[0]), low(args[1]), low(args[2]));
    case Call::kSetFsgid:
        return set_fsgid(own, low(args[0]));
    default:
        return std::nullopt;
    }
}

// getresuid(2), getresgid(2).
Answer tell_three(Memory memory, const Notification& call, const FourIds& ids) {
    for (const Id which : {kReal, kEffective, kSaved}) {
        if (!memory.write(call.args[which], ids[which])) {
            return kFault;
        }
    }
    return 0;
}

Answer tell_groups(Memory memory, const Notification& call, const Credentials& own) {
    const auto size = static_cast<std::int32_t>(low(call.args[0]));
    const Answer count = get_groups(own, size);
    if (count && size != 0 && !memory.write(call.args[1], own.groups.ids())) {
        return kFault;
    }
    return count;
}

Answer take_groups(Memory memory, const Notification& call, Credentials& own) {
    const std::uint32_t size = low(call.args[0]);
    if (const Answer allowed = may_set_groups(own, size); !allowed) {
        return allowed;
    }
    std::array<std::uint32_t, kMaxGroups> list;
    const std::span<std::uint32_t> groups = std::span(list).first(size);
    return memory.read(call.args[1], groups) ? set_groups(own, groups) : kFault;
}

// ---- setrlimit(2), prlimit(2): a hard limit that only root could raise. The real one stays; all else is the kernel's.

Response answer_limit(Memory memory, Target& target, const Process& caller, const Credentials& own, unsigned resource,
                      std::uint64_t wanted_at, std::uint64_t old_at) {
    ResourceLimit wanted;
    const auto now = target.limit_of(caller.pid, resource);
    if (!now || !may(own, CAP_SYS_RESOURCE) || !memory.read(wanted_at, wanted) || wanted.soft > wanted.hard ||
        wanted.hard <= now->hard) {
        return kToKernel;
    }
    return response_of(old_at == 0 || memory.write(old_at, *now) ? Answer(0) : kFault);
}

// ---- chroot(2), and the chdir("/") behind it. What is remembered and compared grants nothing: an app that changes its
// path or its directory meanwhile is itself told the wrong thing.

Response answer_chroot(const Notification& call, Credentials& own, Target& target) {
    if (!may(own, CAP_SYS_CHROOT)) {
        return kToKernel;
    }
    own.jail = target.directory_at(call.thread, call.args[0]).value_or(Directory());
    return {.fakes_chroot = true};
}

// Already in what it takes for "/", it is left there: its relative paths lead where they would in the jail.
Response answer_chdir(const Notification& call, const Credentials& own, Target& target) {
    std::array<char, 2> path{};
    const bool to_top = own.jail != Directory() && Memory(target, call.thread).read(call.args[0], path) &&
                        path == std::array{'/', '\0'};
    return to_top && target.working_directory(call.thread) == own.jail ? Response{} : kToKernel;
}

} // namespace

Session::Session(const Credentials& initial, const KernelLimits& limits, std::size_t max_processes)
    : initial_(initial), limits_(limits), max_processes_(max_processes) {
    known_.reserve(max_processes);
}

// ---- whose credentials

Session::Known* Session::find(const Process& process) {
    const auto found = std::ranges::find_if(known_, [&](const Known& one) { return same(one.process, process); });
    return found == known_.end() ? nullptr : &*found;
}

// A process that is new here has never changed anything, and neither has any ancestor that is not known.
Credentials Session::inherited(const Process& process, Target& target) {
    pid_t parent = process.parent;
    for (std::size_t i = 0; i < kAncestors && parent > 0; ++i) {
        const auto ancestor = target.process_of(parent);
        if (!ancestor) {
            break;
        }
        if (const Known* known = find(*ancestor)) {
            Credentials credentials = known->credentials;
            if (executed(known->process, process)) {
                execute(credentials);
            }
            return credentials;
        }
        parent = ancestor->parent;
    }
    return initial_;
}

Credentials Session::credentials_of(const Process& process, Target& target) {
    const Known* known = find(process);
    if (known == nullptr) {
        return inherited(process, target);
    }
    Credentials credentials = known->credentials;
    if (executed(known->process, process)) {
        execute(credentials);
    }
    return credentials;
}

void Session::forget_ended(std::size_t at_most, Target& target) {
    for (std::size_t i = 0; i < at_most && !known_.empty(); ++i) {
        next_to_check_ = next_to_check_ < known_.size() ? next_to_check_ : 0;
        Known& candidate = known_[next_to_check_];
        const auto now = target.process_of(candidate.process.pid);
        if (now && same(*now, candidate.process)) {
            ++next_to_check_;
        } else {
            std::swap(candidate, known_.back());
            known_.pop_back();
        }
    }
}

// Nobody tells of every end of a process. So each new one has a few old ones looked at, which keeps the number near
// that of those that live.
bool Session::store(const Process& process, const Credentials& credentials, Target& target) {
    if (Known* known = find(process)) {
        const std::uint64_t image = process.image != 0 ? process.image : known->process.image;
        *known = {process, credentials};
        known->process.image = image;
        return true;
    }
    forget_ended(known_.size() < max_processes_ ? 2 : kSweep, target);
    if (known_.size() >= max_processes_) {
        return false;
    }
    known_.push_back({process, credentials});
    return true;
}

// Children that have not asked yet keep what their parent had, whatever becomes of it now.
void Session::settle_children(const Process& parent, const Credentials& credentials, Target& target) {
    std::array<pid_t, kChildren> children{};
    const std::size_t count = target.children_of(parent.pid, children);
    for (const pid_t pid : std::span(children).first(std::min(count, kChildren))) {
        const auto child = target.process_of(pid);
        if (!child || child->parent != parent.pid || find(*child) != nullptr) {
            continue;
        }
        Credentials own = credentials;
        if (executed(parent, *child)) {
            execute(own);
        }
        store(*child, own, target);
    }
}

// ---- what it is told

Answer Session::tell_capabilities(const Notification& call, const Process& caller, const Credentials& own,
                                  Target& target) {
    Memory memory(target, call.thread);
    const std::uint64_t data_at = call.args[1];
    const auto words = read_version(memory, call.args[0]);
    if (!words) { // asked for the version alone: a success, capget(2)
        return data_at == 0 && words.error() == EINVAL ? Answer(0) : std::unexpected(words.error());
    }
    if (data_at == 0) {
        return 0;
    }
    std::int32_t pid = 0;
    if (!read_pid(memory, call.args[0], pid)) {
        return kFault;
    }
    if (pid < 0) {
        return std::unexpected(EINVAL);
    }
    Credentials whose = own;
    if (pid != 0 && pid != call.thread && pid != caller.pid) {
        const auto other = target.process_of(pid);
        if (!other) {
            return std::unexpected(ESRCH);
        }
        whose = credentials_of(*other, target);
    }
    return give_capabilities(memory, data_at, *words, whose.capabilities);
}

Response Session::respond(const Notification& call, const Process& caller, Credentials& own, Target& target) {
    const auto& args = call.args;
    Memory memory(target, call.thread);
    if (const auto answer = answer_ids(call.call, args, own)) {
        return response_of(*answer);
    }
    switch (call.call) {
    case Call::kGetResuid:
        return response_of(tell_three(memory, call, own.uid));
    case Call::kGetResgid:
        return response_of(tell_three(memory, call, own.gid));
    case Call::kGetGroups:
        return response_of(tell_groups(memory, call, own));
    case Call::kSetGroups:
        return response_of(take_groups(memory, call, own));
    case Call::kCapget:
        return response_of(tell_capabilities(call, caller, own, target));
    case Call::kCapset:
        return response_of(take_capabilities(memory, call, limits_, own));
    case Call::kPrctl: {
        const auto answer = change_by_prctl(own, limits_, {args[0], args[1], args[2], args[3], args[4]});
        return answer ? response_of(*answer) : kToKernel;
    }
    case Call::kChroot:
        return answer_chroot(call, own, target);
    case Call::kChdir:
        return answer_chdir(call, own, target);
    case Call::kSetRlimit:
        return answer_limit(memory, target, caller, own, low(args[0]), args[1], 0);
    case Call::kPrlimit: {
        const auto pid = static_cast<pid_t>(low(args[0]));
        const bool of_caller = pid == 0 || pid == call.thread || pid == caller.pid;
        return of_caller && args[2] != 0 ? answer_limit(memory, target, caller, own, low(args[1]), args[2], args[3])
                                         : kToKernel;
    }
    default: // kExitGroup, kNone
        return kToKernel;
    }
}

// The call itself is not heard of: it is seen by the next one. Children from before it keep what their parent had then.
void Session::notice_execve(const Process& caller, Target& target) {
    Known* known = find(caller);
    if (known == nullptr || !executed(known->process, caller)) {
        return;
    }
    const Known before = *known;
    Credentials after = before.credentials;
    execute(after);
    if (after != before.credentials) {
        settle_children(before.process, before.credentials, target);
    }
    store(caller, after, target);
}

bool Session::has_capability(pid_t thread, unsigned capability, Target& target) {
    const auto caller = target.process_of(thread);
    return may(caller ? credentials_of(*caller, target) : initial_, capability);
}

Response Session::answer(const Notification& call, Target& target) {
    const auto caller = target.process_of(call.thread);
    if (!caller) { // it is gone, or there is no /proc: as at level ids
        Credentials unknown = initial_;
        return respond(call, {}, unknown, target);
    }
    notice_execve(*caller, target);
    const Credentials before = credentials_of(*caller, target);
    Credentials own = before;
    const Response response = respond(call, *caller, own, target);
    const bool orphans =
        call.call == Call::kExitGroup && own != initial_; // its children would be taken for initial ones
    if (own != before || orphans) {
        settle_children(*caller, before, target);
    } else if (const Known* known = find(*caller); known != nullptr && known->process == *caller) {
        return response;
    }
    const bool stored = store(*caller, own, target);
    return stored || own == before ? response : Response{.error = ENOMEM};
}

} // namespace stepdown::emulate
