#pragma once

#include <cstdint>

#include "emulate/session.hpp"
#include "sys/fd.hpp"

namespace stepdown::emulate {

// The Target that /proc shows. Reads only, but for the results that a call's arguments ask for. Needs no privilege: the
// app is of the same user and dumpable, which is what ptrace(2) calls access. Allocates nothing.
class Proc : public Target {
  public:
    // proc: an open directory, /proc.
    explicit Proc(sys::Fd proc) noexcept : proc_(std::move(proc)) {}

    // The notification that is being answered. Memory is refused once it is not valid any more: the thread's id may be
    // another's by then, seccomp_unotify(2).
    void answering(int listener, std::uint64_t id) noexcept {
        listener_ = listener;
        id_ = id;
    }

    std::optional<Process> process_of(pid_t thread) override;
    std::size_t children_of(pid_t process, std::span<pid_t> into) override;
    std::optional<ResourceLimit> limit_of(pid_t process, unsigned resource) override;
    std::optional<Directory> directory_at(pid_t thread, std::uint64_t path) override;
    std::optional<Directory> working_directory(pid_t thread) override;
    bool read(pid_t thread, std::uint64_t address, std::span<std::byte> into) override;
    bool write(pid_t thread, std::uint64_t address, std::span<const std::byte> from) override;

    // The thread's open descriptor, and the file that it names, opened with O_PATH; none for what lies below /proc,
    // which shows everybody another thing. directory: a descriptor of the thread's, or AT_FDCWD.
    sys::Fd descriptor_of(pid_t thread, int descriptor) const;
    bool is_path_only(pid_t thread, int descriptor) const; // O_PATH
    sys::Fd file_of(pid_t thread, int directory, std::uint64_t path, bool follow, bool may_be_empty);

    static constexpr std::size_t kThreads = 128; // whose children are looked at

  private:
    sys::Fd open(const char* what, pid_t process, pid_t thread, int flags) const;
    sys::Fd memory_of(pid_t thread, int flags) const;
    bool read_text(pid_t thread, std::uint64_t address, std::span<char> into);

    sys::Fd proc_;
    int listener_ = -1;
    std::uint64_t id_ = 0;
};

} // namespace stepdown::emulate
