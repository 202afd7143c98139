#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sys/types.h>

#include "emulate/answers.hpp"
#include "emulate/credentials.hpp"

// The stateful half of --emulate-root=full: whose call it is, and what it is told. No system call is made here.
namespace stepdown::emulate {

// A process as its observer tells one from another.
struct Process {
    pid_t pid = 0;           // thread group id
    pid_t parent = 0;        // 0: none that the observer can see
    std::uint64_t start = 0; // when it was started: tells it from an earlier process of the same pid
    std::uint64_t image = 0; // differs after every execve(2), is the same after fork(2); 0: not known

    bool operator==(const Process&) const = default;
};

struct ResourceLimit {
    std::uint64_t soft = 0; // all ones: RLIM_INFINITY
    std::uint64_t hard = 0;

    bool operator==(const ResourceLimit&) const = default;
};

// What a session asks about the process whose call it answers. Every method may find that it is gone. What is read is
// under the app's control and may change at any time: it decides only what the app itself is told.
class Target {
  public:
    virtual ~Target() = default;

    virtual std::optional<Process> process_of(pid_t thread) = 0;
    // Fills into with children of any thread of the process; returns how many.
    virtual std::size_t children_of(pid_t process, std::span<pid_t> into) = 0;
    virtual std::optional<ResourceLimit> limit_of(pid_t process, unsigned resource) = 0;
    // The directory of that path in the thread's memory, and the one it works in.
    virtual std::optional<Directory> directory_at(pid_t thread, std::uint64_t path) = 0;
    virtual std::optional<Directory> working_directory(pid_t thread) = 0;
    // All or nothing; false: as EFAULT.
    virtual bool read(pid_t thread, std::uint64_t address, std::span<std::byte> into) = 0;
    virtual bool write(pid_t thread, std::uint64_t address, std::span<const std::byte> from) = 0;

  protected:
    Target() = default;
    Target(const Target&) = default;
    Target& operator=(const Target&) = default;
};

// struct seccomp_notif without what is not used. The machine's own architecture only.
struct Notification {
    pid_t thread = 0;
    Call call = Call::kNone;
    std::array<std::uint64_t, 6> args{};
};

// struct seccomp_notif_resp.
struct Response {
    std::int64_t value = 0;
    int error = 0;             // an errno, positive
    bool to_kernel = false;    // SECCOMP_USER_NOTIF_FLAG_CONTINUE: the kernel decides, as for any user
    bool fakes_chroot = false; // the app believes in a jail that is not there

    bool operator==(const Response&) const = default;
};

// Credentials of each process, as root's would be. Threads share those of their process; a child begins with those its
// parent had when it was forked. Memory is allocated by the constructor alone.
class Session {
  public:
    static constexpr std::size_t kMaxProcesses =
        1024; // known at one time; more can ask, but not change anything: ENOMEM

    // Bounds of the work for one call, beside the kMaxGroups ids of a list.
    static constexpr std::size_t kChildren = 64;  // looked at before their parent changes
    static constexpr std::size_t kAncestors = 32; // looked at for a process that is new
    static constexpr std::size_t kSweep = 16;     // looked at to forget those that have ended

    explicit Session(const Credentials& initial, const KernelLimits& limits, std::size_t max_processes = kMaxProcesses);

    Response answer(const Notification& call, Target& target);

    // Whether the caller has that capability, as it is told.
    bool has_capability(pid_t thread, unsigned capability, Target& target);

    std::size_t processes() const { return known_.size(); }

  private:
    struct Known {
        Process process;
        Credentials credentials;
    };

    // Pointers into known_ hold until the next store().
    Known* find(const Process& process);
    Credentials inherited(const Process& process, Target& target);
    Credentials credentials_of(const Process& process, Target& target);
    bool store(const Process& process, const Credentials& credentials, Target& target);
    void forget_ended(std::size_t at_most, Target& target);
    void settle_children(const Process& parent, const Credentials& credentials, Target& target);

    void notice_execve(const Process& caller, Target& target);

    Response respond(const Notification& call, const Process& caller, Credentials& own, Target& target);
    Answer tell_capabilities(const Notification& call, const Process& caller, const Credentials& own, Target& target);

    Credentials initial_;
    KernelLimits limits_;
    std::vector<Known> known_;
    std::size_t max_processes_;
    std::size_t next_to_check_ = 0;
};

} // namespace stepdown::emulate
