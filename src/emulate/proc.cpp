#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emulate/proc.hpp"

namespace stepdown::emulate {
namespace {

// proc_pid_stat(5), counted from 1. starttime is the process's, startstack the bottom of its stack: another one, by
// address space randomization, after every execve(2).
constexpr int kStartTime = 22;
constexpr int kStartStack = 28;
constexpr int kFirstAfterName = 3; // the name before it may hold anything, blanks and parentheses too

constexpr std::size_t kPathLength = 64;
using Text = std::array<char, 4096>; // all of a stat file, and what is wanted of a status file

// What fits of a file's beginning.
std::string_view contents(const sys::Fd& file, Text& into) {
    const ssize_t length = file ? ::pread(file.get(), into.data(), into.size(), 0) : -1;
    return {into.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

template <class Number> Number number_in(std::string_view text) {
    Number number = 0;
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// The number behind "\nName:"; the name of the program, in the first line, has its newlines escaped.
pid_t field(std::string_view status, std::string_view name) {
    const std::size_t at = status.find(name);
    return at == std::string_view::npos ? 0 : number_in<pid_t>(status.substr(at + name.size()));
}

// Removes the first word.
std::string_view take_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(word.size());
    return word;
}

std::optional<Directory> identity_of(const sys::Fd& file) {
    struct stat found{};
    const bool there = file && ::fstat(file.get(), &found) == 0;
    return there ? std::optional(Directory{found.st_dev, found.st_ino}) : std::nullopt;
}

} // namespace

// "PROCESS/what", or "PROCESS/task/THREAD/what".
sys::Fd Proc::open(const char* what, pid_t process, pid_t thread, int flags) const {
    std::array<char, kPathLength> path{};
    const auto room = path.size() - 1;
    if (thread == 0) {
        fmt::format_to_n(path.data(), room, "{}/{}", process, what);
    } else {
        fmt::format_to_n(path.data(), room, "{}/task/{}/{}", process, thread, what);
    }
    return sys::Fd(::openat(proc_.get(), path.data(), flags | O_CLOEXEC | O_NOCTTY));
}

std::optional<Process> Proc::process_of(pid_t thread) {
    Text text;
    const std::string_view status = contents(open("status", thread, 0, O_RDONLY), text);
    Process process{.pid = field(status, "\nTgid:"), .parent = field(status, "\nPPid:")};
    if (process.pid == 0) {
        return std::nullopt;
    }
    std::string_view stat = contents(open("stat", process.pid, 0, O_RDONLY), text);
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) {
        return std::nullopt;
    }
    stat.remove_prefix(name_end + 1);
    for (int i = kFirstAfterName; i <= kStartStack; ++i) {
        const auto value = number_in<std::uint64_t>(take_word(stat));
        process.start = i == kStartTime ? value : process.start;
        process.image = i == kStartStack ? value : process.image;
    }
    return process;
}

std::size_t Proc::children_of(pid_t process, std::span<pid_t> into) {
    const sys::Fd threads = open("task", process, 0, O_RDONLY | O_DIRECTORY);
    alignas(dirent) std::array<char, 4096> entries;
    std::size_t count = 0;
    std::size_t seen = 0;
    for (long got = 0;
         threads && (got = ::syscall(SYS_getdents64, threads.get(), entries.data(), entries.size())) > 0;) {
        for (long at = 0; at < got && seen < kThreads && count < into.size();) {
            const auto* entry = reinterpret_cast<const dirent*>(&entries[static_cast<std::size_t>(at)]);
            at += entry->d_reclen;
            const auto thread = number_in<pid_t>(entry->d_name);
            if (thread == 0) {
                continue; // "." and ".."
            }
            ++seen;
            Text text;
            std::string_view children = contents(open("children", process, thread, O_RDONLY), text);
            for (std::string_view word; count < into.size() && !(word = take_word(children)).empty();) {
                into[count++] = number_in<pid_t>(word);
            }
        }
    }
    return count;
}

std::optional<ResourceLimit> Proc::limit_of(pid_t process, unsigned resource) {
    ResourceLimit limit; // struct rlimit64 of prlimit(2)
    if (::syscall(SYS_prlimit64, process, resource, nullptr, &limit) != 0) {
        return std::nullopt;
    }
    return limit;
}

std::optional<Directory> Proc::directory_at(pid_t thread, std::uint64_t path) {
    return identity_of(file_of(thread, AT_FDCWD, path, true, false));
}

std::optional<Directory> Proc::working_directory(pid_t thread) { return identity_of(open("cwd", thread, 0, O_PATH)); }

// Opened first, asked for validity then: an open file stays that of the process it was opened for. By syscall(2), as C
// libraries disagree on the type of ioctl's second parameter.
sys::Fd Proc::memory_of(pid_t thread, int flags) const {
    sys::Fd memory = open("mem", thread, 0, flags);
    std::uint64_t id = id_;
    return ::syscall(SYS_ioctl, listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0 ? std::move(memory) : sys::Fd();
}

bool Proc::read(pid_t thread, std::uint64_t address, std::span<std::byte> into) {
    const sys::Fd memory = into.empty() ? sys::Fd() : memory_of(thread, O_RDONLY);
    return into.empty() || (memory && ::pread(memory.get(), into.data(), into.size(), static_cast<off_t>(address)) ==
                                          static_cast<ssize_t>(into.size()));
}

bool Proc::write(pid_t thread, std::uint64_t address, std::span<const std::byte> from) {
    const sys::Fd memory = from.empty() ? sys::Fd() : memory_of(thread, O_WRONLY);
    return from.empty() || (memory && ::pwrite(memory.get(), from.data(), from.size(), static_cast<off_t>(address)) ==
                                          static_cast<ssize_t>(from.size()));
}

// Up to its null byte, page by page: what lies behind that need not be there. False: not there, or too long.
bool Proc::read_text(pid_t thread, std::uint64_t address, std::span<char> into) {
    constexpr std::size_t kPage = 4096;
    for (std::size_t have = 0; have < into.size();) {
        const auto part = into.subspan(have, std::min(into.size() - have, kPage - (address + have) % kPage));
        if (!read(thread, address + have, std::as_writable_bytes(part))) {
            return false;
        }
        if (std::ranges::contains(part, '\0')) {
            return true;
        }
        have += part.size();
    }
    return false;
}

sys::Fd Proc::descriptor_of(pid_t thread, int descriptor) const {
    std::array<char, kPathLength> path{};
    fmt::format_to_n(path.data(), path.size() - 1, "{}/fd/{}", thread, descriptor);
    std::uint64_t id = id_;
    sys::Fd file(::openat(proc_.get(), path.data(), O_PATH | O_CLOEXEC));
    return ::syscall(SYS_ioctl, listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0 ? std::move(file) : sys::Fd();
}

// "flags:\t0100000", in octal: proc_pid_fdinfo(5).
bool Proc::is_path_only(pid_t thread, int descriptor) const {
    std::array<char, kPathLength> path{};
    fmt::format_to_n(path.data(), path.size() - 1, "{}/fdinfo/{}", thread, descriptor);
    Text text;
    std::string_view info = contents(sys::Fd(::openat(proc_.get(), path.data(), O_RDONLY | O_CLOEXEC)), text);
    constexpr std::string_view kName = "flags:\t";
    info.remove_prefix(std::min(info.find(kName), info.size()));
    int flags = 0;
    if (info.size() > kName.size()) {
        std::from_chars(info.data() + kName.size(), info.data() + info.size(), flags, 8);
    }
    return (flags & O_PATH) != 0;
}

sys::Fd Proc::file_of(pid_t thread, int directory, std::uint64_t path, bool follow, bool may_be_empty) {
    std::array<char, PATH_MAX> text;
    if (path == 0 && may_be_empty) { // as "", since Linux 6.11
        text[0] = '\0';
    } else if (!read_text(thread, path, text)) {
        return sys::Fd();
    }
    const std::string_view name = text.data();
    if (name.empty() ? !may_be_empty : name.starts_with("/proc/") || name.starts_with("/dev/")) {
        return sys::Fd();
    }
    sys::Fd file = directory == AT_FDCWD ? open("cwd", thread, 0, O_PATH) : descriptor_of(thread, directory);
    if (!name.empty()) {
        const int flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
        file = sys::Fd(::openat(file.get(), text.data(), flags));
    }
    struct stat found{};
    struct stat proc{};
    const bool both = file && ::fstat(file.get(), &found) == 0 && ::fstat(proc_.get(), &proc) == 0;
    return both && found.st_dev != proc.st_dev ? std::move(file) : sys::Fd();
}

} // namespace stepdown::emulate
