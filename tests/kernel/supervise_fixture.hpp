#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "temporary_directory.hpp"

namespace stepdown::testing {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr auto kPatience = 30s; // a loaded machine; no test waits that long unless it fails

inline std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string line_of(const std::string& text, const std::string& name) {
    const std::size_t at = text.find(name);
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

inline bool until(const std::function<bool()>& true_now) {
    for (const auto end = Clock::now() + kPatience; Clock::now() < end; ::usleep(1000)) {
        if (true_now()) {
            return true;
        }
    }
    return false;
}

struct Setting {
    bool as_pid_1 = true;                  // of a new PID namespace with its own /proc
    std::function<void()> prepare = [] {}; // in the new process, when its descriptors are in place
    bool with_output = true;               // standard output and error are the test's to read
};

// The real binary, running.
class Running {
  public:
    Running(std::vector<std::string> words, const Setting& setting) : began_(Clock::now()) {
        words.insert(words.begin(), STEPDOWN_BINARY);
        std::vector<char*> argv;
        for (std::string& word : words) {
            argv.push_back(word.data());
        }
        argv.push_back(nullptr);
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        const auto flags = static_cast<unsigned long>(SIGCHLD | (setting.as_pid_1 ? CLONE_NEWPID | CLONE_NEWNS : 0));
        pid_ = static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, 0UL));
        if (pid_ == 0) {
            become(argv, setting, ends[1]);
        }
        EXPECT_GT(pid_, 0) << std::strerror(errno);
        ::close(ends[1]);
        output_end_ = ends[0];
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
        if (!reaped_ && pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(output_end_);
    }

    pid_t pid() const { return pid_; }
    std::string proc(const std::string& file) const { return "/proc/" + std::to_string(pid_) + "/" + file; }
    std::string status() const { return read_file(proc("status")); }
    std::vector<pid_t> children() const {
        std::ifstream list(proc("task/" + std::to_string(pid_) + "/children"));
        return {std::istream_iterator<pid_t>(list), {}};
    }
    pid_t app() const {
        EXPECT_TRUE(until([this] { return !children().empty(); }));
        const std::vector<pid_t> all = children();
        return all.empty() ? -1 : all.front();
    }

    const std::string& output() { // all there is by now
        for (pollfd ready{.fd = output_end_, .events = POLLIN, .revents = 0}; ::poll(&ready, 1, 0) == 1;) {
            char buffer[4096];
            const ssize_t length = ::read(output_end_, buffer, sizeof buffer);
            if (length <= 0) {
                break;
            }
            output_.append(buffer, static_cast<std::size_t>(length));
        }
        return output_;
    }
    bool says(const std::string& text) {
        return until([&] { return output().find(text) != std::string::npos; });
    }

    bool has_ended() {
        if (!reaped_ && ::waitpid(pid_, &status_, WNOHANG) == pid_) {
            reaped_ = true;
            took_ = Clock::now() - began_;
        }
        return reaped_;
    }
    // As a shell tells it; 1000 if it does not end.
    int ended() {
        if (!until([this] { return has_ended(); })) {
            return 1000;
        }
        return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
    }
    Clock::duration took() const { return took_; }

  private:
    [[noreturn]] static void become(std::vector<char*>& argv, const Setting& setting, int output) {
        if (setting.as_pid_1 && (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
                                 ::mount("proc", "/proc", "proc", 0, nullptr) < 0)) {
            ::_exit(98);
        }
        if (setting.with_output) {
            ::dup2(output, STDOUT_FILENO);
            ::dup2(output, STDERR_FILENO);
        }
        setting.prepare();
        ::execv(argv.front(), argv.data());
        ::_exit(97);
    }

    Clock::time_point began_;
    pid_t pid_ = -1;
    int output_end_ = -1;
    std::string output_;
    bool reaped_ = false;
    int status_ = 0;
    Clock::duration took_{};
};

// Starts as root; the app is uid 10001 and lies where that uid can execute it.
class Supervise : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::geteuid(), 0U) << "the kernel tests need root";
        fs::permissions(directory_, fs::perms::all);
        app_ = directory_ / "app";
        fs::copy_file(STEPDOWN_SUPERVISED, app_);
        fs::permissions(app_, fs::perms(0755));
    }
    static std::vector<std::string> line(std::vector<std::string> options, const std::vector<std::string>& command) {
        options.insert(options.end(), {"--user=10001:10001", "--receipt=off", "--"});
        options.insert(options.end(), command.begin(), command.end());
        return options;
    }
    Running start(const std::vector<std::string>& command, const std::vector<std::string>& options = {},
                  const Setting& setting = {}) const {
        return Running(line(options, command), setting);
    }
    Running start_app(const std::string& mode, const std::vector<std::string>& options = {},
                      const Setting& setting = {}) const {
        std::vector<std::string> command = {app_};
        for (std::size_t from = 0, to = 0; to != std::string::npos; from = to + 1) {
            to = mode.find(' ', from);
            command.push_back(mode.substr(from, to - from));
        }
        return start(command, options, setting);
    }
    Running start_shell(const std::string& script, const std::vector<std::string>& options = {},
                        const Setting& setting = {}) const {
        return start({"/bin/sh", "-c", script}, options, setting);
    }

    TemporaryDirectory temporary_;
    fs::path directory_ = temporary_.path();
    fs::path app_;
};

// PID 1 has blocked everything, which is the first it does.
inline bool listens(const Running& running) {
    return line_of(running.status(), "SigBlk:") == "SigBlk:\tfffffffffffbfeff";
}

inline void queue(pid_t pid, int number, int value) { // the call itself: a C library refuses 32 and 33
    siginfo_t info{};
    info.si_signo = number;
    info.si_code = SI_QUEUE;
    info.si_pid = ::getpid();
    info.si_value.sival_int = value;
    EXPECT_EQ(::syscall(SYS_rt_sigqueueinfo, pid, number, &info), 0) << number << ": " << std::strerror(errno);
}

} // namespace stepdown::testing
