#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <vector>

#include <linux/stat.h>
#include <sched.h>
#include <sys/stat.h>

#include "kernel/emulate_app.hpp"
#include "temporary_directory.hpp"

// --emulate-owners against the kernel: the same random calls by an app that believes in root, and by real root of a
// user namespace of its own. Every return value, errno and owner that they are told must be the same.
namespace stepdown::emulate {
namespace {

constexpr int kSteps = 400;
constexpr int kRuns = 12;

class Choice {
  public:
    explicit Choice(std::uint64_t seed) : engine_(seed) {}
    template <class T, std::size_t N> T of(const T (&list)[N]) { return list[engine_() % N]; }
    bool one_in(std::uint64_t bound) { return engine_() % bound == 0; }

  private:
    std::mt19937_64 engine_;
};

// What both begin with, made by each as the root that it takes itself for.
struct Scene {
    int folder = -1;
    int file = -1;
    int pinned = -1; // O_PATH
};

Scene build(const std::string& top) {
    ::mkdir(top.c_str(), 0755);
    const bool made = ::chdir(top.c_str()) == 0 && ::mkdir("d", 0755) == 0 && ::symlink("f", "link") == 0 &&
                      ::symlink("nowhere", "dangling") == 0 && ::symlink("loop", "loop") == 0;
    for (const char* const name : {"f", "g", "d/f"}) {
        ::close(::open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    }
    if (!made || ::link("g", "second") != 0) {
        ::_exit(100);
    }
    return {::open("d", O_RDONLY | O_DIRECTORY), ::open("f", O_RDWR), ::open("g", O_PATH)};
}

std::string result_of(long result) { return result < 0 ? std::strerror(errno) : std::to_string(result); }

// The numbers are each side's own.
std::string_view name_of(const Scene& scene, int descriptor) {
    return descriptor == scene.folder   ? "folder"
           : descriptor == scene.file   ? "file"
           : descriptor == scene.pinned ? "pinned"
                                        : "none";
}

std::string change(Choice& choice, const Scene& scene, const char* path, std::uint32_t uid, std::uint32_t gid) {
    const int descriptors[] = {scene.folder, scene.file, scene.pinned, -1, 99};
    const int directories[] = {AT_FDCWD, AT_FDCWD, scene.folder, scene.file, 99};
    constexpr int kFlags[] = {0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, 0x4000};
    constexpr long kCalls[] = {
#ifdef SYS_chown // arm64 has only the newer calls
        SYS_chown, SYS_lchown,
#endif
        SYS_fchown, SYS_fchownat};
    const long call = choice.of(kCalls);
    const int descriptor = choice.of(descriptors);
    const int directory = choice.of(directories);
    const int flags = choice.of(kFlags);
    switch (call) {
    case SYS_fchown:
        return fmt::format("fchown({}) {}", name_of(scene, descriptor),
                           result_of(::syscall(call, descriptor, uid, gid)));
    case SYS_fchownat:
        return fmt::format("fchownat({}, {:x}) {}", name_of(scene, directory), flags,
                           result_of(::syscall(call, directory, path, uid, gid, flags)));
    default:
        return fmt::format("call {} {}", call, result_of(::syscall(call, path, uid, gid)));
    }
}

std::string look(Choice& choice, const Scene& scene, const char* path) {
    struct stat found{};
    struct statx wide{};
    const int descriptors[] = {scene.folder, scene.file, scene.pinned, -1, 99};
    const int directories[] = {AT_FDCWD, AT_FDCWD, scene.folder, scene.pinned, 99};
    constexpr int kFlags[] = {0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_STATX_DONT_SYNC, 0x40000000};
    constexpr long kCalls[] = {
#ifdef SYS_stat
        SYS_stat, SYS_lstat,
#endif
        SYS_fstat, SYS_newfstatat, SYS_statx};
    const long call = choice.of(kCalls);
    const int descriptor = choice.of(descriptors);
    const int directory = choice.of(directories);
    const int flags = choice.of(kFlags);
    long result = 0;
    switch (call) {
    case SYS_fstat:
        result = ::syscall(call, descriptor, &found);
        break;
    case SYS_newfstatat:
        result = ::syscall(call, directory, path, &found, flags);
        break;
    case SYS_statx:
        result = ::syscall(call, directory, path, flags, STATX_UID | STATX_GID | STATX_TYPE, &wide);
        found.st_uid = wide.stx_uid;
        found.st_gid = wide.stx_gid;
        found.st_mode = wide.stx_mode;
        break;
    default:
        result = ::syscall(call, path, &found);
    }
    const std::string told = result_of(result);
    return fmt::format("look {} at ({}, {}, {:x}) {}: {}:{} {:o}", call, name_of(scene, descriptor),
                       name_of(scene, directory), flags, told, found.st_uid, found.st_gid, found.st_mode & S_IFMT);
}

// One line a step.
int play(std::uint64_t seed, const std::string& top) {
    Choice choice(seed);
    const Scene scene = build(top);
    constexpr const char* kPaths[] = {"f",       "g",   "second",    "link",       "dangling", "loop", "d",     "d/f",
                                      "missing", "f/x", "missing/x", "../scene/f", ".",        "",     "d/../g"};
    constexpr std::uint32_t kIds[] = {0, 0, 1, 33, 1000, 65534, kNoId, kNoId};
    std::string told;
    for (int i = 0; i < kSteps; ++i) {
        const char* const path = choice.one_in(30) ? nullptr : choice.of(kPaths);
        const std::uint32_t uid = choice.of(kIds);
        const std::uint32_t gid = choice.of(kIds);
        const std::string step = choice.one_in(2) ? change(choice, scene, path, uid, gid) : look(choice, scene, path);
        told += fmt::format("{} {} {}:{} {}\n", i, path == nullptr ? "null" : path, uid, gid, step);
        if (choice.one_in(20)) {
            ::rename("f", "h"), ::rename("g", "f"), ::rename("h", "g");
        }
    }
    for (std::size_t at = 0; at < told.size();) {
        const ssize_t written = ::write(STDOUT_FILENO, told.data() + at, told.size() - at);
        if (written <= 0) {
            return 1;
        }
        at += static_cast<std::size_t>(written);
    }
    return 0;
}

void write_file(const std::string& path, const char* text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    EXPECT_EQ(::write(fd, text, std::strlen(text)), static_cast<ssize_t>(std::strlen(text))) << path;
    ::close(fd);
}

// The same as root of a user namespace that has all the ids that are used.
std::string played_by_root(std::uint64_t seed, const std::string& top) {
    int output[2];
    int ready[2];
    EXPECT_EQ(::pipe2(output, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        char go = 0;
        if (::unshare(CLONE_NEWUSER) != 0 || ::write(output[1], "!", 1) != 1 || ::read(ready[0], &go, 1) != 1) {
            ::_exit(100);
        }
        ::dup2(output[1], STDOUT_FILENO);
        ::setgroups(0, nullptr);
        ::_exit(::setresgid(0, 0, 0) == 0 && ::setresuid(0, 0, 0) == 0 ? play(seed, top) : 100);
    }
    ::close(output[1]);
    char unshared = 0;
    EXPECT_EQ(::read(output[0], &unshared, 1), 1) << "a user namespace is needed";
    write_file(fmt::format("/proc/{}/uid_map", child), "0 0 65536");
    write_file(fmt::format("/proc/{}/gid_map", child), "0 0 65536");
    EXPECT_EQ(::write(ready[1], "!", 1), 1);
    std::string told;
    std::array<char, 4096> part;
    for (ssize_t got = 0; (got = ::read(output[0], part.data(), part.size())) > 0;) {
        told.append(part.data(), static_cast<std::size_t>(got));
    }
    ::close(output[0]);
    ::close(ready[0]);
    ::close(ready[1]);
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    return told;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

TEST(EmulateOwnersProperty, TheAppIsToldWhatRootIs) {
    const char* const given = std::getenv("STEPDOWN_SEED");
    const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    fmt::print("seeds {} to {}; STEPDOWN_SEED={} repeats them\n", first, first + kRuns - 1, first);
    for (std::uint64_t seed = first; seed < first + kRuns; ++seed) {
        const stepdown::testing::TemporaryDirectory temporary;
        const std::string name = temporary.path().string();
        ASSERT_EQ(::chmod(name.c_str(), 01777), 0);
        for (const char* const side : {"/real", "/told"}) {
            ASSERT_EQ(::mkdir((name + side).c_str(), 0777), 0);
            ASSERT_EQ(::chmod((name + side).c_str(), 0777), 0);
        }
        const auto real = lines_of(played_by_root(seed, name + "/real/scene"));
        const Outcome app = run([&] { return play(seed, name + "/told/scene"); }, "full", true);
        const auto told = lines_of(app.output);
        EXPECT_EQ(app.status, 0);
        EXPECT_EQ(real.size(), static_cast<std::size_t>(kSteps));
        const auto [one, other] = std::ranges::mismatch(real, told);
        if (one != real.end() || other != told.end()) {
            ADD_FAILURE() << "seed " << seed << "\nroot: " << (one == real.end() ? "" : *one)
                          << "\napp:  " << (other == told.end() ? "" : *other);
        }
        if (::testing::Test::HasFailure()) {
            return;
        }
    }
}

} // namespace
} // namespace stepdown::emulate
