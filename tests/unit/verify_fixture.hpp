#pragma once

#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stepdown/facts.hpp"
#include "temporary_directory.hpp"
#include "verify/status.hpp"

namespace stepdown::testing {

inline void put(const std::string& path, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ASSERT_GE(fd, 0) << path;
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size())) << path;
    ::close(fd);
}

inline std::string get(const std::string& path) {
    std::string text(65536, '\0');
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t count = ::read(fd, text.data(), text.size());
    ::close(fd);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
}

// What the kernel says of a thread that stepped down to 10001, as a start with a filter of the engine's leaves it.
inline Facts dropped() {
    Facts facts;
    facts.uid = all_four(10001);
    facts.gid = all_four(10001);
    facts.groups.emplace();
    facts.capabilities.emplace();
    facts.no_new_privs = true;
    facts.seccomp_mode = 2;
    facts.seccomp_filters = 2;
    return facts;
}

inline Thread a_thread(pid_t pid, pid_t tid, pid_t parent, Facts facts = dropped()) {
    Thread thread;
    thread.pid = pid;
    thread.tid = tid;
    thread.parent = parent;
    thread.state = 'S';
    thread.name = "app";
    thread.facts = std::move(facts);
    return thread;
}

inline std::string status_text(const Thread& thread) {
    std::string text = "Name:\t" + thread.name + "\nUmask:\t0022\nState:\t" + thread.state + " (sleeping)\n";
    text += "Tgid:\t" + std::to_string(thread.pid) + "\nNgid:\t0\nPid:\t" + std::to_string(thread.tid) + "\nPPid:\t" +
            std::to_string(thread.parent) + "\nTracerPid:\t" + std::to_string(thread.tracer) + "\n";
    verify::append_facts(text, thread.facts);
    return text;
}

// A proc file system with these threads in it.
class FakeProc {
  public:
    explicit FakeProc(std::initializer_list<Thread> threads) {
        put(directory_ / "uptime", "1.0 1.0\n");
        for (const Thread& thread : threads) {
            put(status_path(thread.pid, thread.tid), status_text(thread));
            const std::string base = directory_ / std::to_string(thread.pid);
            put(base + "/uid_map", "         0     100000      65536\n");
            if (!std::filesystem::exists(base + "/root")) {
                std::filesystem::create_symlink("/", base + "/root");
            }
        }
    }

    std::string path() const { return directory_.path().string(); }
    std::string status_path(pid_t pid, pid_t tid) const {
        return directory_ / std::to_string(pid) + "/task/" + std::to_string(tid) + "/status";
    }

  private:
    TemporaryDirectory directory_;
};

} // namespace stepdown::testing
