#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include <dirent.h>

#include "kernel/faulty_kernel.hpp"
#include "kernel/setup_tree.hpp"

// Walks long enough to be shared by threads: each does what one alone would have done.
namespace stepdown::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// The real kernel, and who asks it for what.
class Watched final : public FaultyKernel {
  public:
    Watched() : FaultyKernel("", Fault::kRefuses) {}

    sys::Sys<struct stat> stat_at(int dir, const char* name) override {
        const std::lock_guard lock(mutex_);
        threads.insert(::gettid());
        return FaultyKernel::stat_at(dir, name);
    }

    sys::Sys<struct stat> stat_same_mount_at(int dir, const char* name) override {
        const std::lock_guard lock(mutex_);
        threads.insert(::gettid());
        return FaultyKernel::stat_same_mount_at(dir, name);
    }

    sys::Sys<> change_owner_at(int dir, const char* name, uid_t uid, gid_t gid) override {
        struct stat now{};
        const bool gives = uid != 0 && *name == '\0'; // not what takes it for root meanwhile
        if (gives && ::fstat(dir, &now) == 0 && S_ISDIR(now.st_mode)) {
            early += is_early(dir, uid) ? 1 : 0;
        }
        if (++changes > allowed) {
            return std::unexpected(EIO);
        }
        return FaultyKernel::change_owner_at(dir, name, uid, gid);
    }

    std::set<pid_t> threads;
    std::atomic<int> changes = 0;
    std::atomic<int> early = 0; // directories given before what is in them
    int allowed = 1'000'000;

  private:
    static bool is_early(int dir, uid_t uid) {
        DIR* const stream = ::fdopendir(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        bool early = false;
        while (const dirent* const entry = ::readdir(stream)) {
            struct stat now{};
            const bool inside = std::string_view(entry->d_name) != "..";
            early = early || (inside && std::string_view(entry->d_name) != "." &&
                              ::fstatat(dir, entry->d_name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_uid != uid);
        }
        ::closedir(stream);
        return early;
    }

    std::mutex mutex_;
};

class SetupCrew : public SetupTree {
  protected:
    // A flat part, a wide one and a deep one. How many files and directories there are, the top too.
    std::uint64_t grow() const {
        std::uint64_t made = 1;
        const auto fill = [&made](const fs::path& here, int files) {
            fs::create_directories(here);
            for (int i = 0; i < files; ++i) {
                write_file(here / ("f" + std::to_string(i)));
            }
            made += static_cast<std::uint64_t>(files) + 1;
        };
        fill(tree() / "flat", 3000);
        fill(tree() / "wide", 0);
        for (int i = 0; i < 60; ++i) {
            fill(tree() / "wide" / std::to_string(i), 100);
        }
        fs::path deep = tree();
        for (int i = 0; i < 90; ++i) {
            deep /= "deep";
            fill(deep, 20);
            fill(deep / "side", 3);
        }
        return made;
    }

    Result<setup::Outcome> walk(Watched& kernel, uid_t uid = kAppUid, bool best_effort = false) const {
        const std::vector<SetupStep> steps = {own_step(tree())};
        return setup::run(kernel, steps, uid, kAppGid, kAllCapabilities, best_effort);
    }

    static std::ptrdiff_t threads_here() {
        return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
    }
};

int processors() {
    cpu_set_t allowed;
    return ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

TEST_F(SetupCrew, ThreadsShareALongWalkAndNothingIsMissed) {
    const std::uint64_t made = grow();
    std::size_t most = 0;
    // On a busy machine the others may not get a turn before it is over.
    for (uid_t turn = 0; turn < 3 || (turn < 30 && most < 2 && processors() > 1); ++turn) {
        Watched kernel;
        const auto done = walk(kernel, kAppUid + turn);
        ASSERT_TRUE(done.has_value()) << done.error().line;
        EXPECT_EQ(done->changed, made);
        EXPECT_EQ(kernel.early, 0);
        for (const auto& entry : fs::recursive_directory_iterator(tree())) {
            ASSERT_EQ(look(entry.path()).st_uid, kAppUid + turn) << entry.path();
        }
        EXPECT_EQ(walk(kernel, kAppUid + turn).value().changed, 0U);
        most = std::max(most, kernel.threads.size());
    }
    EXPECT_GE(most, processors() > 1 ? 2U : 1U);
    for (int i = 0; i < 100 && threads_here() > 1; ++i) { // one that was joined may still be on its way out
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(threads_here(), 1);
}

TEST_F(SetupCrew, AShortWalkStartsNoThread) {
    for (int i = 0; i < 2000; ++i) {
        write_file(tree() / std::to_string(i));
    }
    Watched kernel;
    ASSERT_TRUE(walk(kernel).has_value());
    EXPECT_THAT(kernel.threads, SizeIs(1));
}

TEST_F(SetupCrew, TheFirstFailureEndsItForAll) {
    const std::uint64_t made = grow();
    Watched kernel;
    kernel.allowed = 6000;
    const auto done = walk(kernel);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, ExitCode::kSetup);
    EXPECT_THAT(done.error().line,
                AllOf(HasSubstr("Input/output error"), HasSubstr(tree().string() + "/"), Not(HasSubstr("\n"))));
    EXPECT_LT(kernel.changes, 6100) << "each thread stops within its next file";
    EXPECT_LT(static_cast<std::uint64_t>(kernel.changes), made);
    EXPECT_TRUE(is_roots(tree())) << "so that the next start walks again";
}

TEST_F(SetupCrew, WhatIsGoneOnWithoutIsCountedOnce) {
    const std::uint64_t made = grow();
    Watched kernel;
    kernel.allowed = 6000;
    const auto done = walk(kernel, kAppUid, true);
    ASSERT_TRUE(done.has_value());
    EXPECT_EQ(done->changed, 6000U);
    ASSERT_THAT(done->skipped, SizeIs(9));
    EXPECT_THAT(done->skipped.back(), HasSubstr(std::to_string(made - 6000 - 8) + " more skipped"));
}

TEST_F(SetupCrew, ALongWalkIsTold) {
    const std::uint64_t made = grow();
    struct : setup::Progress {
        void tell(std::uint64_t looked, std::uint64_t changed, std::string_view path) override {
            rises = rises && looked >= last && changed <= looked;
            last = looked;
            where = path;
        }
        std::uint64_t last = 0;
        bool rises = true;
        std::string where;
    } progress;
    const std::vector<SetupStep> steps = {own_step(tree())};
    const auto done =
        setup::run(sys::real_kernel(), steps, kAppUid, kAppGid, kAllCapabilities, setup::Rules{.progress = &progress});
    ASSERT_TRUE(done.has_value()) << done.error().line;
    EXPECT_TRUE(progress.rises);
    EXPECT_GE(progress.last, setup::Progress::kLooksPerReport);
    EXPECT_LE(progress.last, made);
    EXPECT_THAT(progress.where, HasSubstr(tree().string()));
}

} // namespace
} // namespace stepdown::testing
