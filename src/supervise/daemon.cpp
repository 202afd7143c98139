#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/daemon.hpp"

namespace stepdown::supervise {
namespace {

// The number that a text begins with, blanks aside, and where it ends; 0: none.
pid_t number_in(std::string_view text, std::size_t& length) noexcept {
    pid_t pid = 0;
    const std::size_t begin = std::min(text.find_first_not_of(" \t\n"), text.size());
    const auto [end, fault] = std::from_chars(text.data() + begin, text.data() + text.size(), pid);
    length = static_cast<std::size_t>(end - text.data());
    return fault == std::errc() && pid > 0 ? pid : 0;
}

} // namespace

bool is_child(pid_t pid) noexcept {
    siginfo_t unused{};
    return pid > 0 && ::waitid(P_PID, static_cast<id_t>(pid), &unused, WEXITED | WNOHANG | WNOWAIT) == 0;
}

Daemon Daemon::open(const std::string& pid_file) noexcept {
    Daemon daemon;
    if (pid_file.empty()) {
        daemon.children_ = sys::Fd(::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
    } else {
        daemon.pid_file_ = pid_file.c_str();
    }
    return daemon;
}

// The kernel's list has a blank behind each number, a pid file a newline.
pid_t Daemon::find() const noexcept {
    std::array<char, 64> text;
    const sys::Fd file(pid_file_ == nullptr ? -1 : ::openat(AT_FDCWD, pid_file_, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const ssize_t length = ::pread(pid_file_ == nullptr ? children_.get() : file.get(), text.data(), text.size(), 0);
    const std::string_view read(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    std::size_t end = 0;
    const pid_t pid = number_in(read, end);
    const bool alone = read.substr(std::min(end + 1, read.size())).empty();
    return is_child(pid) && (pid_file_ != nullptr || alone) ? pid : 0;
}

} // namespace stepdown::supervise
