#include <sys/resource.h>

#include "kernel/setup_tree.hpp"

namespace stepdown::testing {
namespace {

namespace fs = std::filesystem;

class SetupOwn : public SetupTree {};

TEST_F(SetupOwn, GivesTheWholeTreeAndThenChangesNothing) {
    fs::create_directories(tree() / "a/b");
    write_file(tree() / "a/b/f");
    write_file(tree() / "g");
    const auto first = own();
    ASSERT_TRUE(first.has_value()) << first.error().line;
    EXPECT_EQ(first->changed, 5U);
    for (const char* const name : {"", "a", "a/b", "a/b/f", "g"}) {
        EXPECT_TRUE(is_apps(tree() / name)) << name;
    }
    const struct stat before = look(tree() / "a/b/f");
    EXPECT_EQ(own().value().changed, 0U);
    EXPECT_TRUE(is_untouched(before, look(tree() / "a/b/f")));
}

TEST_F(SetupOwn, ChangesOnlyWhatDiffers) {
    write_file(tree() / "mine");
    write_file(tree() / "group");
    ASSERT_EQ(::chown((tree() / "mine").c_str(), kAppUid, kAppGid), 0);
    ASSERT_EQ(::chown((tree() / "group").c_str(), kAppUid, 0), 0);
    const struct stat before = look(tree() / "mine");
    EXPECT_EQ(own().value().changed, 2U); // group, and the top
    EXPECT_TRUE(is_untouched(before, look(tree() / "mine")));
    EXPECT_TRUE(is_apps(tree() / "group"));
}

TEST_F(SetupOwn, GivesASingleFile) {
    write_file(tree() / "app.db");
    ASSERT_TRUE(run({own_step(tree() / "app.db")}).has_value());
    EXPECT_TRUE(is_apps(tree() / "app.db"));
    EXPECT_TRUE(is_roots(tree()));
}

TEST_F(SetupOwn, ClearsSetuidAndSetgidOfFilesAndKeepsADirectorysSetgid) {
    write_file(tree() / "program");
    fs::create_directory(tree() / "shared");
    ASSERT_EQ(::chmod((tree() / "program").c_str(), 06755), 0);
    ASSERT_EQ(::chmod((tree() / "shared").c_str(), 02775), 0);
    ASSERT_TRUE(own().has_value());
    EXPECT_EQ(look(tree() / "program").st_mode & 07777, 0755U);
    EXPECT_EQ(look(tree() / "shared").st_mode & 07777, 02775U);
}

constexpr int kDeep = 100'000;

// A hundred thousand directories, one inside the other, made through descriptors: no path is that long.
void build_chain(const fs::path& top) {
    int here = ::open(top.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(here, 0);
    for (int i = 0; i < kDeep; ++i) {
        ASSERT_EQ(::mkdirat(here, "d", 0755), 0) << i << ": " << std::strerror(errno);
        const int below = ::openat(here, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
        ASSERT_GE(below, 0) << i;
        ::close(here);
        here = below;
    }
    ::close(here);
}

int count_apps(const fs::path& top) {
    int here = ::open(top.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int apps = 0;
    for (;;) {
        const int below = ::openat(here, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
        ::close(here);
        if (below < 0) {
            return apps;
        }
        struct stat found{};
        apps += ::fstat(below, &found) == 0 && found.st_uid == kAppUid && found.st_gid == kAppGid ? 1 : 0;
        here = below;
    }
}

TEST_F(SetupOwn, ATreeOf100000LevelsTakesFewDescriptors) {
    // In memory, and gone with its mount: a disk takes minutes to remove so many directories.
    in_a_mount_namespace([this] {
        ASSERT_EQ(::mount("none", tree().c_str(), "tmpfs", 0, "nr_inodes=0"), 0) << std::strerror(errno);
        ASSERT_NO_FATAL_FAILURE(build_chain(tree()));
        const rlimit few{128, 128};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        const auto done = own();
        ASSERT_TRUE(done.has_value()) << done.error().line;
        EXPECT_EQ(done->changed, static_cast<std::uint64_t>(kDeep) + 1);
        EXPECT_EQ(count_apps(tree()), kDeep);
    });
}

TEST_F(SetupOwn, NothingIsMissedWhereLevelsWereSetAside) {
    // Deeper than the walk keeps open, with neighbours before and after each descent, more than one read of a directory
    // holds.
    fs::path here = tree();
    std::uint64_t made = 1;
    for (int level = 0; level < 150; ++level) {
        for (int i = 0; i < (level % 30 == 0 ? 2000 : 5); ++i, ++made) {
            write_file(here / ("f" + std::to_string(i)));
        }
        for (const char* const side : {"a", "z"}) {
            fs::create_directory(here / side);
            write_file(here / side / "leaf");
            made += 2;
        }
        here /= "m";
        fs::create_directory(here);
        ++made;
    }
    EXPECT_EQ(own().value().changed, made);
    for (const auto& entry : fs::recursive_directory_iterator(tree())) {
        ASSERT_TRUE(is_apps(entry.path())) << entry.path();
    }
}

} // namespace
} // namespace stepdown::testing
