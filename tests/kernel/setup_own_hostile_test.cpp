#include <atomic>
#include <chrono>
#include <thread>

#include <linux/fs.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "kernel/setup_tree.hpp"

namespace stepdown::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

// The last run's app was hostile and left a tree for root to walk.
class SetupOwnHostile : public SetupTree {};

TEST_F(SetupOwnHostile, RefusesALinkAtTheTop) {
    fs::create_directory_symlink("/etc", tree() / "top");
    const auto done = run({own_step(tree() / "top")});
    ASSERT_FALSE(done.has_value());
    EXPECT_THAT(done.error().line, AllOf(HasSubstr((tree() / "top").string()), HasSubstr("symbolic link")));
    EXPECT_TRUE(is_roots(tree() / "top"));
}

TEST_F(SetupOwnHostile, RefusesALinkOnTheWay) {
    fs::create_directory_symlink(outside(), tree() / "way");
    fs::create_directory(tree() / "real");
    const auto done = run({own_step(tree() / "way/secret")});
    ASSERT_FALSE(done.has_value());
    EXPECT_THAT(done.error().line, AllOf(HasSubstr((tree() / "way").string() + ":"), HasSubstr("symbolic link")));
}

TEST_F(SetupOwnHostile, GivesALinkAwayAndNotWhatItLeadsTo) {
    fs::create_directory_symlink("/etc", tree() / "etc");
    fs::create_symlink("/etc/passwd", tree() / "passwd");
    fs::create_symlink(outside() / "secret", tree() / "secret");
    fs::create_symlink("nowhere", tree() / "dangling");
    fs::create_symlink("loop", tree() / "loop");
    ASSERT_TRUE(own().has_value());
    for (const char* const name : {"etc", "passwd", "secret", "dangling", "loop"}) {
        EXPECT_TRUE(is_apps(tree() / name)) << name;
    }
}

TEST_F(SetupOwnHostile, RefusesAHardLinkToRootsFile) {
    link_secret_to(tree() / "mine");
    const auto done = own();
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, ExitCode::kSetup);
    EXPECT_THAT(done.error().line, AllOf(HasSubstr((tree() / "mine").string()), HasSubstr("hard links")));
    EXPECT_TRUE(is_roots(outside() / "secret"));
}

TEST_F(SetupOwnHostile, BestEffortPassesAHardLinkOverAndSaysSo) {
    link_secret_to(tree() / "mine");
    write_file(tree() / "other");
    const auto done = own(true);
    ASSERT_TRUE(done.has_value());
    ASSERT_EQ(done->skipped.size(), 1U);
    EXPECT_THAT(done->skipped[0], HasSubstr("hard links"));
    EXPECT_TRUE(is_roots(outside() / "secret"));
    EXPECT_TRUE(is_apps(tree() / "other"));
}

TEST_F(SetupOwnHostile, AUsersHardLinkIsGivenWhereTheKernelProtectsLinks) {
    write_file(tree() / "one");
    ASSERT_EQ(::chown((tree() / "one").c_str(), 2000, 2000), 0);
    fs::create_hard_link(tree() / "one", tree() / "two");
    const auto sysctl = sys::real_kernel().open_at(AT_FDCWD, "/proc/sys/fs/protected_hardlinks", O_RDONLY);
    ASSERT_TRUE(sysctl.has_value());
    const bool is_protected = sys::real_kernel().read_whole(*sysctl) == "1\n";
    EXPECT_EQ(own().has_value(), is_protected);
    EXPECT_EQ(is_apps(tree() / "two"), is_protected);
}

TEST_F(SetupOwnHostile, RefusesAHardLinkAsTheTop) {
    link_secret_to(tree() / "mine");
    EXPECT_THAT(run({own_step(tree() / "mine")}).error().line, HasSubstr("hard links"));
}

TEST_F(SetupOwnHostile, DoesNotWakeAFifoOrASocket) {
    ASSERT_EQ(::mkfifo((tree() / "fifo").c_str(), 0600), 0);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string name = tree() / "socket";
    ASSERT_LT(name.size(), sizeof address.sun_path);
    std::copy(name.begin(), name.end(), address.sun_path);
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_TRUE(own().has_value()); // opening the FIFO for reading would wait for ever
    ::close(listener);
    EXPECT_TRUE(is_apps(tree() / "fifo"));
    EXPECT_TRUE(is_apps(tree() / "socket"));
}

TEST_F(SetupOwnHostile, TakesAnyNameAndKeepsItsLinesOneLine) {
    const std::string name = "a\nstepdown: all is well \x1b[2J";
    write_file(tree() / name);
    ASSERT_TRUE(own().has_value());
    EXPECT_TRUE(is_apps(tree() / name));
    link_secret_to(tree() / "second\nline");
    EXPECT_THAT(own().error().line, AllOf(HasSubstr("second\\nline"), Not(HasSubstr("\n"))));
}

TEST_F(SetupOwnHostile, NamesAnImmutableFile) {
    const fs::path path = tree() / "fixed";
    write_file(path);
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    int flags = 0;
    ASSERT_EQ(::syscall(SYS_ioctl, fd, FS_IOC_GETFLAGS, &flags), 0)
        << "needs a file system with chattr: " << std::strerror(errno);
    flags |= FS_IMMUTABLE_FL;
    ASSERT_EQ(::syscall(SYS_ioctl, fd, FS_IOC_SETFLAGS, &flags), 0) << std::strerror(errno);
    const auto done = own();
    flags &= ~FS_IMMUTABLE_FL;
    EXPECT_EQ(::syscall(SYS_ioctl, fd, FS_IOC_SETFLAGS, &flags), 0);
    ::close(fd);
    ASSERT_FALSE(done.has_value());
    EXPECT_THAT(done.error().line, AllOf(HasSubstr(path.string()), HasSubstr("Operation not permitted"),
                                         HasSubstr("immutable"), Not(HasSubstr("CAP_CHOWN"))));
}

constexpr long kTurns = 50;

// Somebody who works against the walk, in a thread, until it goes. Told of each move: whether it could be made.
class Rival {
  public:
    Rival(uid_t uid, std::function<bool()> move)
        : thread_([this, uid, move = std::move(move)] {
              EXPECT_EQ(::syscall(SYS_setresuid, -1, uid, -1), 0); // this thread alone, unlike setresuid(3)
              while (!stop_) {
                  moves += move() ? 1 : 0;
              }
          }) {}
    ~Rival() {
        stop_ = true;
        thread_.join();
    }
    Rival(const Rival&) = delete;
    Rival& operator=(const Rival&) = delete;

    std::atomic<long> moves = 0;

  private:
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

// For as long as a race is tried: some seconds, and on a busy machine as long as both sides need to get their turns.
bool goes_on(std::chrono::steady_clock::time_point start, std::chrono::seconds least, long walks, const Rival& rival) {
    const auto spent = std::chrono::steady_clock::now() - start;
    return spent < least || ((walks < kTurns || rival.moves < kTurns) && spent < 60s);
}

bool exchange(const fs::path& one, const fs::path& other) {
    return ::syscall(SYS_renameat2, AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0;
}

// The directory of the swapped names has this mode. Others may write to it: its files are given by descriptor. Else
// root takes it first from the rival, whose it is before every other walk, and gives them by name.
class SetupOwnRace : public SetupOwnHostile, public ::testing::WithParamInterface<mode_t> {
  protected:
    void hand_to_the_rival(const fs::path& directory) const {
        ASSERT_EQ(::chmod(base().c_str(), 0755), 0);
        ASSERT_EQ(::chmod(directory.c_str(), GetParam()), 0);
        ASSERT_EQ(::chown(directory.c_str(), kAppUid, kAppGid), 0);
    }

    void race_for(std::chrono::seconds least) {
        fs::create_directories(tree() / "a/swap");
        write_file(tree() / "a/swap/secret"); // as outside: a followed link would find its name there
        fs::create_directory_symlink(outside(), tree() / "a/link");
        hand_to_the_rival(tree() / "a");
        Rival rival(kAppUid, [this] { return exchange(tree() / "a/swap", tree() / "a/link"); });
        long walks = 0;
        std::uint64_t changed = 0;
        const auto start = std::chrono::steady_clock::now();
        for (; goes_on(start, least, walks, rival); ++walks) {
            const uid_t uid =
                kAppUid + static_cast<uid_t>((walks + 1) % 2); // so that there is always something to change
            const auto done = run({own_step(tree())}, false, kAllCapabilities, uid);
            ASSERT_TRUE(done.has_value()) << done.error().line;
            changed += done->changed;
            ASSERT_TRUE(is_roots(outside()));
            ASSERT_TRUE(is_roots(outside() / "secret"));
        }
        EXPECT_GE(walks, kTurns);
        EXPECT_GE(rival.moves, kTurns);
        EXPECT_GT(changed, static_cast<std::uint64_t>(walks));
    }
};

INSTANTIATE_TEST_SUITE_P(Modes, SetupOwnRace, ::testing::Values(0755, 0777),
                         [](const auto& mode) { return mode.param == 0755 ? "Held" : "OpenToOthers"; });

TEST_P(SetupOwnRace, ADirectorySwappedForALinkDuringTheWalkLeadsNowhere) { race_for(2s); }

TEST_P(SetupOwnRace, NorDoesItWhereThreadsShareTheWalk) {
    fs::create_directory(tree() / "a");
    for (int i = 0; i < 6000; ++i) {
        write_file(tree() / "a" / std::to_string(i));
    }
    race_for(3s);
}

TEST_P(SetupOwnRace, AFileSwappedForAHardLinkDuringTheWalkIsNotGiven) {
    write_file(tree() / "file");
    link_secret_to(tree() / "link");
    hand_to_the_rival(tree());
    Rival rival(kAppUid, [this] { return exchange(tree() / "file", tree() / "link"); });
    long walks = 0;
    const auto start = std::chrono::steady_clock::now();
    for (; goes_on(start, 2s, walks, rival); ++walks) {
        const auto done =
            run({own_step(tree())}, true, kAllCapabilities, kAppUid + static_cast<uid_t>((walks + 1) % 2));
        ASSERT_TRUE(done.has_value());
        ASSERT_TRUE(is_roots(outside() / "secret"));
    }
    EXPECT_GE(walks, kTurns);
    EXPECT_GE(rival.moves, kTurns);
}

TEST_F(SetupOwnHostile, FilesThatComeAndGoDoNotEndTheWalk) {
    for (int i = 0; i < 200; ++i) {
        write_file(tree() / std::to_string(i));
    }
    int at = 0;
    Rival rival(0, [this, &at] {
        const fs::path name = tree() / std::to_string(at++ % 200);
        std::error_code ignored;
        if (!fs::remove(name, ignored)) {
            at % 3 == 0 ? static_cast<void>(fs::create_directory(name, ignored)) : write_file(name);
        }
        return true;
    });
    long walks = 0;
    const auto start = std::chrono::steady_clock::now();
    for (; goes_on(start, 1s, walks, rival); ++walks) {
        const auto done = run({own_step(tree())}, false, kAllCapabilities, kAppUid + static_cast<uid_t>(walks % 2));
        ASSERT_TRUE(done.has_value()) << done.error().line;
    }
    EXPECT_GE(walks, kTurns);
    EXPECT_GE(rival.moves, kTurns);
}

} // namespace
} // namespace stepdown::testing
