#include "kernel/setup_tree.hpp"

namespace stepdown::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class SetupMakeDirectory : public SetupTree {
  protected:
    Result<setup::Outcome> make(const fs::path& path, std::optional<std::uint32_t> mode = {}) {
        return run({{SetupKind::kMakeDirectory, path, mode}});
    }
    static mode_t mode_of(const fs::path& path) { return look(path).st_mode & 07777; }
};

TEST_F(SetupMakeDirectory, ParentsAreRootsAndTheLastIsTheApps) {
    for (const mode_t umask : {0000U, 0027U, 0777U}) {
        ::umask(umask);
        const auto done = make(tree() / "a/b/c", 0750);
        ::umask(0022);
        ASSERT_TRUE(done.has_value()) << done.error().line;
        EXPECT_EQ(done->changed, 3U);
        for (const char* const parent : {"a", "a/b"}) {
            EXPECT_TRUE(is_roots(tree() / parent));
            EXPECT_EQ(mode_of(tree() / parent), 0755U);
        }
        EXPECT_TRUE(is_apps(tree() / "a/b/c"));
        EXPECT_EQ(mode_of(tree() / "a/b/c"), 0750U);
        fs::remove_all(tree() / "a");
    }
}

TEST_F(SetupMakeDirectory, ANewOneHasMode0755UnlessAsked) {
    ASSERT_TRUE(make(tree() / "plain").has_value());
    EXPECT_EQ(mode_of(tree() / "plain"), 0755U);
    for (const std::uint32_t mode : {0700U, 02775U, 03775U, 01777U}) {
        fs::remove(tree() / "asked");
        ASSERT_TRUE(make(tree() / "asked", mode).has_value());
        EXPECT_EQ(mode_of(tree() / "asked"), mode);
        EXPECT_TRUE(is_apps(tree() / "asked"));
    }
}

TEST_F(SetupMakeDirectory, ASetgidParentHasNoSay) {
    ASSERT_EQ(::chown(tree().c_str(), 0, 2000), 0);
    ASSERT_EQ(::chmod(tree().c_str(), 02775), 0);
    ASSERT_TRUE(make(tree() / "a/b").has_value());
    EXPECT_EQ(mode_of(tree() / "a"), 0755U);
    EXPECT_EQ(mode_of(tree() / "a/b"), 0755U);
    EXPECT_TRUE(is_apps(tree() / "a/b"));
}

TEST_F(SetupMakeDirectory, OneThatExistsGetsOwnerAndTheModeAskedAndItsContentIsLeftAlone) {
    fs::create_directory(tree() / "d");
    write_file(tree() / "d/file");
    ASSERT_EQ(::chmod((tree() / "d").c_str(), 0777), 0);
    EXPECT_EQ(make(tree() / "d", 0700).value().changed, 1U);
    EXPECT_TRUE(is_apps(tree() / "d"));
    EXPECT_EQ(mode_of(tree() / "d"), 0700U);
    EXPECT_TRUE(is_roots(tree() / "d/file"));
    EXPECT_EQ(make(tree() / "d", 0700).value().changed, 0U);
}

TEST_F(SetupMakeDirectory, RefusesALinkAnywhereOnThePath) {
    fs::create_directory_symlink(outside(), tree() / "link");
    fs::create_symlink("nowhere", tree() / "dangling");
    for (const char* const name : {"link", "link/new", "dangling", "dangling/new"}) {
        const auto done = make(tree() / name);
        ASSERT_FALSE(done.has_value()) << name;
        EXPECT_EQ(done.error().code, ExitCode::kSetup);
        EXPECT_THAT(done.error().line, AllOf(HasSubstr("--mkdir"), HasSubstr("symbolic link"))) << name;
    }
    EXPECT_FALSE(fs::exists(outside() / "new"));
    EXPECT_FALSE(fs::exists(tree() / "nowhere"));
}

TEST_F(SetupMakeDirectory, RefusesWhatIsNotADirectory) {
    write_file(tree() / "file");
    for (const char* const name : {"file", "file/below"}) {
        const auto done = make(tree() / name);
        ASSERT_FALSE(done.has_value()) << name;
        EXPECT_THAT(done.error().line, AllOf(HasSubstr((tree() / "file").string()), HasSubstr("not a directory")));
    }
    EXPECT_TRUE(is_roots(tree() / "file"));
}

} // namespace
} // namespace stepdown::testing
