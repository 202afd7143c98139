#include <mutex>
#include <optional>
#include <string>

#include <cerrno>
#include <linux/fs.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "commands/log.hpp"

namespace stepdown::commands {
namespace {

std::optional<int> own_terminal; // once log_to_terminal() has said so

// Standard error, without ever waiting for whoever reads it: PID 1 must reap and forward even when the log's pipe is
// full.
class StandardError final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        if (own_terminal) {
            [[maybe_unused]] const ssize_t written = ::write(*own_terminal, line.data(), line.size());
            return;
        }
        pollfd end{.fd = STDERR_FILENO, .events = POLLIN | POLLOUT, .revents = 0};
        if (::poll(&end, 1, 0) == 1 && (end.revents & POLLOUT) != 0) {
            put({line.data(), line.size()}, (end.revents & POLLIN) != 0);
        }
    }

    // A pipe with room may be full by now, since the app writes to it as well: RWF_NOWAIT. A file, which poll(2) always
    // finds readable, may answer that with EAGAIN and still never waits for anybody.
    static void put(std::string_view line, bool is_file) {
        if (::send(STDERR_FILENO, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != ENOTSOCK) {
            return;
        }
        const iovec part{.iov_base = const_cast<char*>(line.data()), .iov_len = line.size()};
        constexpr long kWhereItIs = -1;
        if (::syscall(SYS_pwritev2, STDERR_FILENO, &part, 1L, kWhereItIs, kWhereItIs, RWF_NOWAIT) >= 0 ||
            errno == EPIPE || (errno == EAGAIN && !is_file)) {
            return;
        }
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    }

    void flush_() override {}
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
    case LogLevel::kError:
        return spdlog::level::err;
    case LogLevel::kWarn:
        return spdlog::level::warn;
    case LogLevel::kInfo:
        return spdlog::level::info;
    case LogLevel::kDebug:
        return spdlog::level::debug;
    }
    return spdlog::level::err;
}

spdlog::logger make_logger(LogFormat format) {
    const bool json = format == LogFormat::kJson;
    auto sink = std::make_shared<StandardError>();
    // UTC: the local time would have a file read, which PID 1's filter forbids.
    sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","program":"stepdown","message":%v})"
             : "stepdown: %l: %v",
        spdlog::pattern_time_type::utc));
    spdlog::logger logger("stepdown", std::move(sink));
    logger.set_level(spdlog::level::trace);
    return logger;
}

// Of the first that asks: one process writes in one format.
spdlog::logger& logger_of(LogFormat format) {
    static spdlog::logger logger = make_logger(format);
    return logger;
}

constexpr std::size_t kLongestPlain = 256;

} // namespace

void log_to_terminal(int descriptor) noexcept { own_terminal = descriptor; }

void Log::plain(LogLevel level, std::string_view line) const noexcept {
    if (!shows(level)) {
        return;
    }
    if (format_ == LogFormat::kText) {
        write(level, line);
        return;
    }
    char quoted[kLongestPlain + 2];
    quoted[0] = '"';
    const std::size_t length = line.copy(quoted + 1, kLongestPlain);
    quoted[length + 1] = '"';
    logger_of(format_).log(to_spdlog(level), std::string_view(quoted, length + 2));
}

void Log::write(LogLevel level, std::string_view line) const {
    if (!shows(level)) {
        return;
    }
    spdlog::logger& logger = logger_of(format_);
    if (format_ == LogFormat::kJson) {
        using nlohmann::json;
        logger.log(to_spdlog(level), json(line).dump(-1, ' ', false, json::error_handler_t::replace));
    } else {
        logger.log(to_spdlog(level), line);
    }
}

} // namespace stepdown::commands
