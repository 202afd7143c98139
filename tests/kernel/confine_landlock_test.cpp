// Landlock's rules, put into force for real: what the kernel then answers. One forked child a case, for they stay for
// good.

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine/landlock.hpp"
#include "temporary_directory.hpp"

namespace stepdown::testing {
namespace {

constexpr int kNotRestricted = 250;

class ConfineLandlock : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto abi = sys::real_kernel().landlock_abi();
        ASSERT_TRUE(abi) << "this kernel has no Landlock: the tests need one that has";
        ASSERT_GE(*abi, 6U);
        for (const char* name : {"read", "write", "other"}) {
            ASSERT_EQ(::mkdir(in(name).c_str(), 0755), 0);
            ASSERT_TRUE(sys::Fd(::open(in(name, "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755)));
        }
    }

    std::string in(const std::string& name, const std::string& file = "") const {
        return folder_ + "/" + name + (file.empty() ? "" : "/" + file);
    }

    // The errno that a child under these rules ends with.
    static int under(const Landlock& asked, const std::function<int()>& body,
                     const std::vector<std::string>& state = {}) {
        const auto rules = confine::make_ruleset(sys::real_kernel(), asked, state);
        EXPECT_TRUE(rules) << rules.error().line;
        if (!rules) {
            return kNotRestricted;
        }
        EXPECT_TRUE(rules->warnings.empty());
        const pid_t child = ::fork();
        if (child == 0) {
            sys::Kernel& kernel = sys::real_kernel();
            if (!kernel.set_no_new_privs() || !kernel.landlock_restrict(rules->fd.get())) {
                ::_exit(kNotRestricted);
            }
            ::_exit(body());
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    static std::function<int()> opening(const std::string& path, int flags) {
        return [path, flags] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600) < 0 ? errno : 0; };
    }

    static std::function<int()> executing(const std::string& path) {
        return [path] {
            const char* argv[] = {path.c_str(), nullptr};
            ::execv(path.c_str(), const_cast<char* const*>(argv));
            return errno;
        };
    }

    TemporaryDirectory temporary_;
    std::string folder_ = temporary_.path().string();
};

TEST_F(ConfineLandlock, LeavesTheFilesThatAreGranted) {
    const Landlock asked{.files = {{FileGrantKind::kRead, in("read")}, {FileGrantKind::kWrite, in("write")}}};
    EXPECT_EQ(under(asked, opening(in("read", "file"), O_RDONLY)), 0);
    EXPECT_EQ(under(asked, opening(in("read", "file"), O_WRONLY)), EACCES);
    EXPECT_EQ(under(asked, opening(in("read", "new"), O_WRONLY | O_CREAT)), EACCES);
    EXPECT_EQ(under(asked, opening(in("write", "file"), O_RDWR)), 0);
    EXPECT_EQ(under(asked, opening(in("write", "new"), O_WRONLY | O_CREAT)), 0);
    EXPECT_EQ(under(asked, opening(in("other", "file"), O_RDONLY)), EACCES);
    EXPECT_EQ(under(asked, opening("/etc/passwd", O_RDONLY)), EACCES);
    EXPECT_EQ(under(asked, [this] { return ::truncate(in("read", "file").c_str(), 0) < 0 ? errno : 0; }), EACCES);
    EXPECT_EQ(under(asked,
                    [this] { return ::rename(in("write", "file").c_str(), in("other", "x").c_str()) < 0 ? errno : 0; }),
              EACCES);
}

TEST_F(ConfineLandlock, LeavesTheProgramsThatAreGranted) {
    const Landlock all{.files = {{FileGrantKind::kExecute, "/"}}};
    EXPECT_EQ(under(all, executing("/bin/true")), 0);
    EXPECT_EQ(under({.files = {{FileGrantKind::kRead, "/"}}}, executing("/bin/true")), EACCES);
    EXPECT_EQ(under({.files = {{FileGrantKind::kWrite, "/"}}}, executing("/bin/true")), EACCES);
}

TEST_F(ConfineLandlock, GrantsASingleFile) {
    const Landlock asked{.files = {{FileGrantKind::kWrite, in("write", "file")}}};
    EXPECT_EQ(under(asked, opening(in("write", "file"), O_RDWR | O_TRUNC)), 0);
    EXPECT_EQ(under(asked, opening(in("write", "new"), O_WRONLY | O_CREAT)), EACCES);
}

TEST_F(ConfineLandlock, LeavesAReadOnlyRootWithItsState) {
    const Landlock asked{.read_only_root = true};
    EXPECT_EQ(under(asked, opening("/etc/passwd", O_RDONLY)), 0);
    EXPECT_EQ(under(asked, executing("/bin/true")), 0);
    EXPECT_EQ(under(asked, opening("/dev/null", O_WRONLY)), 0);
    EXPECT_EQ(under(asked, opening("/var/new", O_WRONLY | O_CREAT)), EACCES);
    EXPECT_EQ(under(asked, opening("/etc/passwd", O_WRONLY)), EACCES);
    EXPECT_EQ(under(asked, opening(in("write", "new"), O_WRONLY | O_CREAT)), 0) << "in /tmp";
    EXPECT_EQ(under(asked, opening("/var/lib/stepdown-landlock", O_WRONLY | O_CREAT), {"/var/lib"}), 0);
    ::unlink("/var/lib/stepdown-landlock");
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

TEST_F(ConfineLandlock, LeavesThePortsThatAreGranted) {
    const auto binding = [](std::uint16_t port) {
        return [port] {
            const sys::Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
            const sockaddr_in address = loopback(port);
            return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ? errno : 0;
        };
    };
    const auto connecting = [](std::uint16_t port) {
        return [port] {
            const sys::Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
            const sockaddr_in address = loopback(port);
            return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ? errno : 0;
        };
    };
    EXPECT_EQ(under({.bind = {48123}}, binding(48123)), 0);
    EXPECT_EQ(under({.bind = {48123}}, binding(48124)), EACCES);
    EXPECT_EQ(under({.connect = {1}}, connecting(1)), ECONNREFUSED);
    EXPECT_EQ(under({.connect = {1}}, connecting(2)), EACCES);
    EXPECT_EQ(under({.connect = {1}}, binding(48124)), 0) << "what nobody grants is not restricted";
}

TEST_F(ConfineLandlock, KeepsSignalsAndAbstractSocketsInside) {
    const auto signalling = [] { return ::kill(::getppid(), 0) < 0 ? errno : 0; };
    EXPECT_EQ(under({.scope_signals = true}, signalling), EPERM);
    EXPECT_EQ(under({.scope_abstract_sockets = true}, signalling), 0);

    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = std::string(1, '\0') + folder_;
    name.copy(address.sun_path, name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const sys::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
    const auto connecting = [&] {
        const sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
        return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0 ? errno : 0;
    };
    EXPECT_EQ(under({.scope_abstract_sockets = true}, connecting), EPERM);
    EXPECT_EQ(under({.scope_signals = true}, connecting), 0);
}

TEST_F(ConfineLandlock, FollowsNoLinkToWhatItGrants) {
    ASSERT_EQ(::symlink("/", in("write", "link").c_str()), 0);
    const Landlock asked{.files = {{FileGrantKind::kWrite, in("write", "link")}}};
    const auto rules = confine::make_ruleset(sys::real_kernel(), asked, {});
    ASSERT_FALSE(rules);
    EXPECT_EQ(rules.error().code, ExitCode::kUsage);
    EXPECT_FALSE(confine::make_ruleset(sys::real_kernel(), {.files = {{FileGrantKind::kRead, "/no/such"}}}, {}));
}

} // namespace
} // namespace stepdown::testing
