#include <algorithm>
#include <chrono>
#include <cstdint>

#include <fmt/format.h>
#include <unistd.h>

#include "commands/progress.hpp"
#include "sys/write.hpp"

namespace stepdown::commands {
namespace {

using namespace std::chrono_literals;

// A terminal's line, whatever is in the path: control bytes as '?', the end of a long path.
std::string one_line(std::string_view path) {
    constexpr std::size_t kLongest = 40;
    std::string shown = path.size() > kLongest ? "..." : "";
    shown.append(path.substr(path.size() > kLongest ? path.size() - kLongest : 0));
    std::ranges::replace_if(
        shown, [](char byte) { return static_cast<unsigned char>(byte) < ' ' || byte == '\x7f'; }, '?');
    return shown;
}

} // namespace

WalkProgress::~WalkProgress() {
    if (line_is_open_) {
        (void)sys::write_whole(STDERR_FILENO, "\r\x1b[K");
    }
}

void WalkProgress::tell(std::uint64_t looked, std::uint64_t changed, std::string_view path) {
    const Clock::time_point now = Clock::now();
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    if (now - told_ < (terminal ? Clock::duration(500ms) : Clock::duration(5s))) {
        return;
    }
    told_ = now;
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_).count();
    const std::uint64_t a_second = looked * 1000 / static_cast<std::uint64_t>(std::max<std::int64_t>(milliseconds, 1));
    const std::string text = fmt::format("setup: {} files looked at, {} changed, {} a second, in {}", looked, changed,
                                         a_second, one_line(path));
    if (terminal) {
        line_is_open_ = true;
        (void)sys::write_whole(STDERR_FILENO, "\r" + text + "\x1b[K");
    } else {
        log_.warn(text);
    }
}

} // namespace stepdown::commands
