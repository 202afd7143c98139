#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <cerrno>
#include <linux/fs.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include "commands/log.hpp"

namespace stepdown::commands {
namespace {

std::optional<int> own_error; // once log_to_own() has said so

// Standard error, without ever waiting for whoever reads it: PID 1 must reap and forward even when the log's pipe is
// full.
class StandardError final : public spdlog::sinks::sink {
  public:
    explicit StandardError(LogFormat format) noexcept : format_(format) {}

    void log(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        form(message, line);
        if (own_error) {
            [[maybe_unused]] const ssize_t written = ::write(*own_error, line.data(), line.size());
            return;
        }
        pollfd end{.fd = STDERR_FILENO, .events = POLLIN | POLLOUT, .revents = 0};
        if (::poll(&end, 1, 0) == 1 && (end.revents & POLLOUT) != 0) {
            put({line.data(), line.size()}, (end.revents & POLLIN) != 0);
        }
    }

    void flush() override {}
    // A line has the form of its format: spdlog's patterns would be a tenth of all that a start has to relocate.
    void set_pattern(const std::string& /*unused*/) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter> /*unused*/) override {}

  private:
    void form(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) const {
        const auto out = std::back_inserter(line);
        const auto level = spdlog::level::to_string_view(message.level);
        if (format_ == LogFormat::kText) {
            fmt::format_to(out, "stepdown: {}: {}\n", level, message.payload);
            return;
        }
        // UTC: the local time would have a file read, which PID 1's filter forbids.
        const auto time = std::chrono::floor<std::chrono::microseconds>(message.time);
        const auto day = std::chrono::floor<std::chrono::days>(time);
        const std::chrono::year_month_day date(day);
        const std::chrono::hh_mm_ss clock(time - day);
        fmt::format_to(out, R"({{"time":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",)", int(date.year()),
                       unsigned(date.month()), unsigned(date.day()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count(), clock.subseconds().count());
        fmt::format_to(out, R"("level":"{}","program":"stepdown","message":{}}})", level, message.payload);
        line.push_back('\n');
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

    LogFormat format_;
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
    spdlog::logger logger("stepdown", std::make_shared<StandardError>(format));
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

void log_to_own(int descriptor) noexcept { own_error = descriptor; }

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
