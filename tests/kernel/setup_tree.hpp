#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setup/setup.hpp"
#include "sys/kernel.hpp"
#include "temporary_directory.hpp"

namespace stepdown::testing {

inline constexpr uid_t kAppUid = 10'000;
inline constexpr gid_t kAppGid = 10'001;
inline constexpr std::uint64_t kAllCapabilities = ~std::uint64_t{0};

inline struct stat look(const std::filesystem::path& path) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) < 0) {
        ADD_FAILURE() << "lstat " << path << ": " << std::strerror(errno);
    }
    return found;
}

inline bool is_apps(const std::filesystem::path& path) {
    const struct stat found = look(path);
    return found.st_uid == kAppUid && found.st_gid == kAppGid;
}

inline bool is_roots(const std::filesystem::path& path) {
    const struct stat found = look(path);
    return found.st_uid == 0 && found.st_gid == 0;
}

// Whether anything root's work could change is as it was. The time of status change tells a chown to the same owner
// too.
inline bool is_untouched(const struct stat& before, const struct stat& after) {
    return before.st_uid == after.st_uid && before.st_gid == after.st_gid && before.st_mode == after.st_mode &&
           before.st_ctim.tv_sec == after.st_ctim.tv_sec && before.st_ctim.tv_nsec == after.st_ctim.tv_nsec;
}

inline void write_file(const std::filesystem::path& path, mode_t mode = 0600) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    ASSERT_GE(fd, 0) << path << ": " << std::strerror(errno);
    ::close(fd);
}

// Runs the test's body in a process of its own, which may give up what it cannot get back. Its failed expectations are
// told by its exit status, and printed by it.
inline void in_a_child(const std::function<void()>& body) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        body();
        std::fflush(nullptr);
        ::_exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << "the child's expectations failed, see above";
}

inline void in_a_mount_namespace(const std::function<void()>& body) {
    in_a_child([&body] {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << std::strerror(errno);
        ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << std::strerror(errno);
        body();
    });
}

// A tree of the app's, and beside it what must not change. On a real file system, as root.
class SetupTree : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::geteuid(), 0U) << "these tests need root";
        std::filesystem::create_directory(tree());
        std::filesystem::create_directory(outside());
        write_file(outside() / "secret");
        outside_before_ = look(outside());
        secret_before_ = look(outside() / "secret");
        etc_before_ = look("/etc");
        passwd_before_ = look("/etc/passwd");
    }

    void TearDown() override { expect_nothing_outside_changed(); }

    const std::filesystem::path& base() const { return base_.path(); }
    std::filesystem::path tree() const { return base() / "tree"; }
    std::filesystem::path outside() const { return base() / "outside"; }

    // A hard link changes the file's count and so its ctime: take what it is afterwards as the state to keep.
    void link_secret_to(const std::filesystem::path& name) {
        std::filesystem::create_hard_link(outside() / "secret", name);
        secret_before_ = look(outside() / "secret");
    }

    static Result<setup::Outcome> run(std::vector<SetupStep> steps, bool best_effort = false,
                                      std::uint64_t effective = kAllCapabilities, uid_t uid = kAppUid) {
        return setup::run(sys::real_kernel(), steps, uid, kAppGid, effective, best_effort);
    }
    static SetupStep own_step(const std::filesystem::path& path) { return {SetupKind::kOwn, path, {}}; }
    Result<setup::Outcome> own(bool best_effort = false) const { return run({own_step(tree())}, best_effort); }

    void expect_nothing_outside_changed() const {
        EXPECT_TRUE(is_untouched(outside_before_, look(outside())));
        const struct stat secret = look(outside() / "secret");
        EXPECT_EQ(secret.st_uid, secret_before_.st_uid);
        EXPECT_EQ(secret.st_gid, secret_before_.st_gid);
        EXPECT_EQ(secret.st_mode, secret_before_.st_mode);
        EXPECT_TRUE(is_untouched(etc_before_, look("/etc")));
        EXPECT_TRUE(is_untouched(passwd_before_, look("/etc/passwd")));
    }

  private:
    TemporaryDirectory base_;
    struct stat outside_before_{};
    struct stat secret_before_{};
    struct stat etc_before_{};
    struct stat passwd_before_{};
};

} // namespace stepdown::testing
