#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <limits>
#include <span>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/rest.hpp"

namespace stepdown::supervise {
namespace {

constexpr std::size_t kPids = std::size_t{4} * 1024 * 1024; // PID_MAX_LIMIT of a 64-bit kernel; see proc_sys_kernel(5)
constexpr std::size_t kBits = 64;

// One bit a process that has been told. Never touched, and so never in memory, while nobody has been by itself.
std::uint64_t told[kPids / kBits];

std::uint64_t* word_of(pid_t pid) noexcept {
    const auto index = static_cast<std::size_t>(pid) / kBits;
    return index < std::size(told) ? &told[index] : nullptr;
}

std::uint64_t bit_of(pid_t pid) noexcept { return std::uint64_t{1} << (static_cast<std::size_t>(pid) % kBits); }

void end_by(pid_t pid, int number) noexcept {
    ::kill(pid, number);
    if (number != SIGKILL) {
        ::kill(pid, SIGCONT);
    }
}

} // namespace

Rest Rest::open() noexcept {
    Rest rest;
    rest.own_namespace_ = ::getpid() == 1;
    rest.children_ = sys::Fd(::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
    if (rest.own_namespace_) {
        rest.last_pid_ = sys::Fd(::open("/proc/sys/kernel/ns_last_pid", O_RDONLY | O_CLOEXEC));
    }
    return rest;
}

bool Rest::signal(int number, bool only_new) noexcept {
    if (own_namespace_ && !only_new) {
        told_up_to_ = last_pid(); // before: who is forked in between is told twice rather than never
        end_by(-1, number);
        return true;
    }
    if (!own_namespace_ || last_pid() != told_up_to_) {
        signal_children(number, only_new);
    }
    return own_namespace_ || children_;
}

// The youngest process's number in this PID namespace. Where the kernel does not say, nobody is ever younger.
pid_t Rest::last_pid() const noexcept {
    std::array<char, 16> text;
    const ssize_t length = ::pread(last_pid_.get(), text.data(), text.size(), 0);
    pid_t pid = std::numeric_limits<pid_t>::max();
    std::from_chars(text.data(), text.data() + std::max<ssize_t>(length, 0), pid);
    return pid;
}

void Rest::reaped(pid_t pid) noexcept {
    if (std::uint64_t* word = any_told_ ? word_of(pid) : nullptr; word != nullptr && (*word & bit_of(pid)) != 0) {
        *word &= ~bit_of(pid);
    }
}

// The list is numbers with a blank behind each, in as many pieces as fit. New children come at its end, and only this
// process takes one out.
void Rest::signal_children(int number, bool only_new) noexcept {
    std::array<char, 1024> piece;
    pid_t pid = 0;
    off_t at = 0;
    for (ssize_t length; (length = ::pread(children_.get(), piece.data(), piece.size(), at)) > 0; at += length) {
        for (const char byte : std::span(piece).first(static_cast<std::size_t>(length))) {
            if (byte >= '0' && byte <= '9') {
                pid = pid * 10 + (byte - '0');
            } else {
                signal_child(pid, number, only_new);
                pid = 0;
            }
        }
    }
}

// Asks first whether it is a child: where /proc is another PID namespace's, the numbers are somebody else's.
void Rest::signal_child(pid_t pid, int number, bool only_new) noexcept {
    std::uint64_t* word = word_of(pid);
    siginfo_t unused{};
    if (word == nullptr || (only_new && (pid <= told_up_to_ || (*word & bit_of(pid)) != 0)) ||
        ::waitid(P_PID, static_cast<id_t>(pid), &unused, WEXITED | WNOHANG | WNOWAIT) < 0) {
        return;
    }
    any_told_ = true;
    *word |= bit_of(pid);
    end_by(pid, number);
}

} // namespace stepdown::supervise
