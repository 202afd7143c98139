#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

// What a filter refused, for who hears of it. Memory is allocated by the constructors alone.
namespace stepdown::confine {

// Names of the calls of every architecture that comes to this kernel.
class CallNames {
  public:
    CallNames();
    std::string_view name_of(std::uint32_t audit, std::int32_t number) const noexcept; // "?" for no call

  private:
    std::map<std::uint32_t, std::map<std::uint32_t, std::string>> by_audit_; // AUDIT_ARCH_* → number → name
};

struct Denial {
    static constexpr std::size_t kProgram = 96;
    static constexpr std::size_t kThread = 16; // TASK_COMM_LEN

    std::uint32_t audit = 0; // AUDIT_ARCH_*
    std::int32_t number = 0;
    int error = 0;
    std::array<char, kProgram> program{}; // the executed file's path, of a long one the end; "?" if it is not known
    // Of the first that was refused this:
    pid_t pid = 0;
    std::array<char, kThread> thread{}; // its comm
    std::array<std::uint64_t, 6> args{};
    std::uint64_t count = 0;
};

// Each call of each program once, with how often. What does not fit any more is counted all together.
class Denials {
  public:
    static constexpr std::size_t kMost = 256;

    Denials() { all_.reserve(kMost); }

    // The row that it is counted in, null if there is no room for one. A count that is worth a line: the first, and
    // each power of ten.
    const Denial* note(const Denial& seen) noexcept;
    static bool worth_telling(std::uint64_t count) noexcept;

    std::span<const Denial> all() const noexcept { return all_; }
    std::uint64_t not_kept() const noexcept { return not_kept_; }
    std::uint64_t total() const noexcept { return total_; }

  private:
    std::vector<Denial> all_;
    std::uint64_t not_kept_ = 0;
    std::uint64_t total_ = 0;
};

} // namespace stepdown::confine
