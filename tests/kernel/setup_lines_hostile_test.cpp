#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include <linux/fs.h>
#include <sys/syscall.h>

#include "kernel/setup_tree.hpp"
#include "plan/tmpfiles.hpp"

namespace stepdown::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Lines of tmpfiles.d(5) on a volume that the last run's app had its hands on.
class SetupLines : public SetupTree {
  protected:
    static SetupStep step(const std::string& line) {
        auto parsed = plan::parse_setup_line(line, "--setup").value().value();
        const plan::Specifiers none = {[](const void*, char) { return std::string(); }, nullptr};
        EXPECT_TRUE(plan::resolve_setup_step(parsed, none, "", ""));
        return parsed;
    }
    static Result<setup::Outcome> run_line(const std::string& line) { return run({step(line)}); }
    std::string at(const char* name) const { return (tree() / name).string(); }

    void write_secret() const { std::ofstream(outside() / "secret") << "root's"; }
};

TEST_F(SetupLines, NoTypeFollowsALinkOnTheWay) {
    fs::create_directory_symlink(outside(), tree() / "link");
    for (const char* const type : {"d", "D", "f", "f+", "L+", "p", "C"}) {
        const bool copies = *type == 'C';
        const auto done =
            run_line(std::string(type) + " " + at("link/new") + " 0777 1 1 - " + (copies ? "/etc/passwd" : "x"));
        ASSERT_FALSE(done) << type;
        EXPECT_THAT(done.error().line, HasSubstr("symbolic link")) << type;
    }
    for (const char* const type : {"w", "z", "Z", "e", "r", "R"}) {
        EXPECT_FALSE(run_line(std::string(type) + " " + at("link/secret") + " 0777 1 1 - x")) << type;
        (void)run_line(std::string(type) + " " + at("l*/secret") + " 0777 1 1 - x"); // by a pattern it is no match
    }
    EXPECT_FALSE(fs::exists(outside() / "new"));
    EXPECT_TRUE(fs::exists(outside() / "secret"));
}

TEST_F(SetupLines, NoTypeFollowsALinkAtTheEnd) {
    write_secret();
    fs::create_symlink(outside() / "secret", tree() / "link");
    for (const char* const type : {"f", "f+", "w", "w+", "d", "p"}) {
        EXPECT_FALSE(run_line(std::string(type) + " " + at("link") + " 0777 1 1 - x")) << type;
    }
    EXPECT_TRUE(run_line("z " + at("link") + " 0777 1 1")); // the link itself
    EXPECT_TRUE(run_line("Z " + at("link") + " 0777 1 1"));
    EXPECT_EQ(look(tree() / "link").st_uid, 1U);
    EXPECT_TRUE(run_line("L " + at("link") + " - - - - /x")); // it is there, and stays
    EXPECT_TRUE(run_line("R " + at("link")));
    EXPECT_EQ(content(outside() / "secret"), "root's");
}

// chown(2) takes the bits away so that nobody's program runs as whom it is given to.
TEST_F(SetupLines, ASetuidFileOfTheAppsOwnIsGivenWithoutIt) {
    for (const char* const name : {"z", "Z", "f"}) {
        write_file(tree() / name);
        ASSERT_EQ(::chown(at(name).c_str(), 12345, 12345), 0);
        ASSERT_EQ(::chmod(at(name).c_str(), 06755), 0);
        EXPECT_TRUE(run_line(std::string(name) + " " + at(name) + " - 0 0"));
        EXPECT_EQ(look(at(name)).st_mode & 07777, 0755U) << name;
        EXPECT_TRUE(is_roots(at(name)));
    }
}

TEST_F(SetupLines, RootWritesIntoNoFileWithASecondName) {
    write_secret();
    link_secret_to(tree() / "gift");
    for (const char* const type : {"f+", "w", "w+", "z", "Z"}) {
        const auto done = run_line(std::string(type) + " " + at("gift") + " 0777 1 1 - x");
        ASSERT_FALSE(done) << type;
        EXPECT_THAT(done.error().line, HasSubstr("more than one name")) << type;
    }
    EXPECT_EQ(content(outside() / "secret"), "root's");
}

TEST_F(SetupLines, AFifoInPlaceOfAFileDoesNotHoldTheStart) {
    ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
    for (const char* const type : {"f", "f+", "w", "C"}) {
        (void)run_line(std::string(type) + " " + at("fifo") + " - - - - /etc/passwd");
    }
    ASSERT_EQ(::mkfifo(at("source").c_str(), 0600), 0);
    EXPECT_TRUE(run_line("C " + at("copy") + " - - - - " + at("source")));
    EXPECT_TRUE(S_ISFIFO(look(tree() / "copy").st_mode));
}

TEST_F(SetupLines, RemovalStaysInTheTree) {
    write_secret();
    fs::create_directories(tree() / "a/b/c");
    fs::create_directory_symlink(outside(), tree() / "a/b/link");
    fs::create_hard_link(outside() / "secret", tree() / "a/b/gift");
    write_file(tree() / "a/with\nnewline");
    ASSERT_TRUE(run_line("R " + at("a")));
    EXPECT_FALSE(fs::exists(tree() / "a"));
    link_secret_to(tree() / "again"); // the count of names is as before
    fs::remove(tree() / "again");
    EXPECT_EQ(content(outside() / "secret"), "root's");
    fs::create_directories(tree() / "d/e");
    fs::create_directory_symlink(outside(), tree() / "d/link");
    ASSERT_TRUE(run_line("D " + at("d") + " 0700 - -"));
    EXPECT_TRUE(fs::is_empty(tree() / "d"));
}

TEST_F(SetupLines, RemovalDoesNotEnterAMount) {
    in_a_mount_namespace([this] {
        fs::create_directories(tree() / "a/mounted");
        ASSERT_EQ(::mount(outside().c_str(), (tree() / "a/mounted").c_str(), nullptr, MS_BIND, nullptr), 0);
        EXPECT_FALSE(run_line("R " + at("a")));
        EXPECT_TRUE(fs::exists(outside() / "secret"));
        ::umount((tree() / "a/mounted").c_str());
    });
}

TEST_F(SetupLines, ADeepTreeIsRemovedWithFewDescriptors) {
    constexpr int kDeep = 20'000;
    in_a_mount_namespace([this] {
        ASSERT_EQ(::mount("none", tree().c_str(), "tmpfs", 0, "nr_inodes=0"), 0) << std::strerror(errno);
        int here = ::open(tree().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (int i = 0; i < kDeep; ++i) {
            ASSERT_EQ(::mkdirat(here, "d", 0755), 0);
            const int below = ::openat(here, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
            ::close(here);
            here = below;
        }
        ::close(here);
        const auto done = run_line("R " + at("*"));
        ASSERT_TRUE(done) << done.error().line;
        EXPECT_EQ(done->changed, static_cast<std::uint64_t>(kDeep));
        EXPECT_TRUE(fs::is_empty(tree()));
    });
}

// Somebody swaps a directory for a link to root's, and back, while root writes, adjusts and removes below it.
TEST_F(SetupLines, ADirectorySwappedForALinkLeadsNowhere) {
    write_secret();
    fs::create_directory(tree() / "d");
    fs::create_directory_symlink(outside(), tree() / "other");
    std::atomic<bool> stop = false;
    std::thread swapper([this, &stop] {
        while (!stop) {
            ::syscall(SYS_renameat2, AT_FDCWD, at("d").c_str(), AT_FDCWD, at("other").c_str(), RENAME_EXCHANGE);
        }
    });
    const std::vector lines{step("f+ " + at("d/secret") + " 0777 1 1 - x"),
                            step("z " + at("d/secret") + " 0777 1 1"),
                            step("Z " + at("d") + " 0777 1 1"),
                            step("r " + at("d/secret")),
                            step("R " + at("d/*")),
                            step("p+ " + at("d/secret") + " 0777 1 1")};
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    int done = 0;
    while (std::chrono::steady_clock::now() < end) {
        for (const SetupStep& line : lines) {
            done += run({line}).has_value() ? 1 : 0;
        }
    }
    stop = true;
    swapper.join();
    EXPECT_GT(done, 0) << "never met the directory itself";
    EXPECT_EQ(content(outside() / "secret"), "root's");
}

} // namespace
} // namespace stepdown::testing
