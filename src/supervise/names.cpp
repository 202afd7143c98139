#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "supervise/names.hpp"

namespace stepdown::supervise {
namespace {

bool is_plain(char letter) noexcept {
    return (letter >= '0' && letter <= '9') || ((letter | 0x20) >= 'a' && (letter | 0x20) <= 'z') ||
           (letter != 0 && std::strchr("._-+:/", letter) != nullptr);
}

} // namespace

Names Names::open() noexcept {
    Names names;
    names.proc_ = sys::Fd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return names;
}

Names::Name Names::of(pid_t pid) const noexcept {
    Name name{};
    char path[24] = {};
    char* const end = std::to_chars(path, path + 12, pid).ptr;
    std::memcpy(end, "/comm", sizeof "/comm");
    const sys::Fd file(::openat(proc_.get(), path, O_RDONLY | O_CLOEXEC));
    const ssize_t length = file ? ::read(file.get(), name.data(), name.size() - 1) : 0;
    for (ssize_t i = 0; i < length; ++i) {
        char& letter = name[static_cast<std::size_t>(i)];
        letter = letter == '\n' ? '\0' : is_plain(letter) ? letter : '?';
    }
    return name;
}

} // namespace stepdown::supervise
