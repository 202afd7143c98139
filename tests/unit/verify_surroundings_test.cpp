#include <map>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "unit/verify_fixture.hpp"
#include "verify/surroundings.hpp"

using namespace stepdown;
using namespace stepdown::verify;
using stepdown::testing::a_thread;
using stepdown::testing::put;
using stepdown::testing::TemporaryDirectory;

namespace {

// As an engine leaves a container by default, but read-only and with nothing to execute what was written.
constexpr std::string_view kTight = "10 1 0:20 / / ro - overlay overlay rw\n"
                                    "11 10 0:21 / /proc rw,nosuid,nodev,noexec - proc proc rw\n"
                                    "12 11 0:21 /sys /proc/sys ro - proc proc rw\n"
                                    "13 11 0:21 /sysrq-trigger /proc/sysrq-trigger ro - proc proc rw\n"
                                    "14 11 0:22 /null /proc/kcore rw,noexec - tmpfs tmpfs rw\n"
                                    "15 10 0:23 / /sys ro - sysfs sysfs ro\n"
                                    "16 10 0:24 / /dev rw,noexec - tmpfs tmpfs rw\n";

class VerifySurroundings : public ::testing::Test {
  protected:
    VerifySurroundings() {
        std::filesystem::create_directory(directory / "dev");
        for (const char* name : {"proc/sys/kernel", "proc/sysrq-trigger", "proc/kcore"}) {
            put(directory / name, "");
        }
    }

    std::vector<Finding> look(std::string_view mounts = kTight, bool files = false) {
        const auto table = parse_mounts(mounts);
        const sys::Fd root(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        return look_around(
            {.kernel = sys::real_kernel(), .proc = proc, .threads = threads, .mounts = table, .root = root}, files,
            Severity::kInfo);
    }

    // "check: observed" of everything that fails or is unknown.
    static std::vector<std::string> troubles(const std::vector<Finding>& findings) {
        std::vector<std::string> all;
        for (const Finding& finding : findings) {
            if (finding.verdict == Verdict::kFail || finding.verdict == Verdict::kUnknown) {
                EXPECT_FALSE(finding.remedy.empty()) << finding.check;
                all.push_back(finding.check + ": " + finding.observed);
            }
        }
        return all;
    }

    static std::string without(std::string_view point) {
        std::string kept;
        for (std::string_view rest = kTight; !rest.empty();) {
            const std::string_view line = rest.substr(0, rest.find('\n') + 1);
            kept += line.contains(" " + std::string(point) + " r") ? "" : line;
            rest.remove_prefix(line.size());
        }
        return kept;
    }

    TemporaryDirectory directory;
    std::vector<Sighting> threads;
    std::string proc = directory / "proc";
};

using Troubles = std::vector<std::string>;

Sighting seen(Thread thread, Role role) { return {.thread = std::move(thread), .role = role}; }

} // namespace

TEST_F(VerifySurroundings, RowsAreWellFormed) {
    std::map<std::string_view, int> ids;
    for (const Look& row : looks()) {
        EXPECT_EQ(++ids[row.id], 1) << row.id;
        EXPECT_FALSE(row.title.empty() || row.expected.empty() || row.remedy.empty() || row.references.empty())
            << row.id;
        EXPECT_LE(row.unseen, row.severity) << row.id;
    }
}

TEST_F(VerifySurroundings, ATightContainerHasNoTrouble) { EXPECT_EQ(troubles(look(kTight, true)), Troubles{}); }

TEST_F(VerifySurroundings, EachMountThatIsNotAsItShouldBeIsReportedAndOnlyIt) {
    const std::string tight(kTight);
    EXPECT_EQ(troubles(look(without("/proc/sys"))), Troubles{"proc.masked: /proc/sys is writable"});
    EXPECT_EQ(troubles(look(without("/proc/sysrq-trigger"))), Troubles{"proc.masked: /proc/sysrq-trigger is writable"});
    EXPECT_EQ(troubles(look(without("/proc/kcore"))), Troubles{"proc.masked: /proc/kcore is not masked"});
    EXPECT_EQ(troubles(look(tight + "20 10 0:31 / /run/hostproc rw - proc proc rw\n")),
              Troubles{"proc.masked: /run/hostproc/sys is writable, /run/hostproc/sysrq-trigger is writable, "
                       "/run/hostproc/kcore is not masked"});
    EXPECT_EQ(
        troubles(look(tight + "20 11 0:31 / /proc rw - proc proc rw\n")), // over the one with the masks
        Troubles{"proc.masked: /proc/sys is writable, /proc/sysrq-trigger is writable, /proc/kcore is not masked"});
    EXPECT_EQ(troubles(look(tight + "20 10 0:21 /sys/kernel /k rw - proc proc rw\n")),
              Troubles{"proc.masked: /k is writable"});
    EXPECT_EQ(troubles(look(tight + "20 10 0:21 / /p ro - proc proc rw\n")), Troubles{});
    EXPECT_EQ(troubles(look(tight + "20 10 0:23 / /host/sys rw,noexec - sysfs sysfs rw\n")),
              Troubles{"proc.masked: /host/sys is writable"});
    std::filesystem::remove(directory / "proc/kcore"); // a kernel without it
    EXPECT_EQ(troubles(look(without("/proc/kcore"))), Troubles());
    EXPECT_EQ(troubles(look(without("/sys") + "15 10 0:23 / /sys rw,noexec - sysfs sysfs rw\n")),
              Troubles{"proc.masked: /sys is writable"});
    EXPECT_EQ(troubles(look(tight + "20 10 0:30 / /data rw - ext4 a rw\n")), Troubles{"mounts.executable: /data"});
    EXPECT_EQ(troubles(look(without("/") + "10 1 0:20 / / rw,noexec - overlay overlay rw\n")),
              Troubles{"root.read_only: writable"});
    EXPECT_EQ(troubles(look(tight + "20 10 0:30 /docker.sock /var/run/d.sock rw,noexec - tmpfs tmpfs rw\n")),
              Troubles{"runtime_socket: /var/run/d.sock"});
    EXPECT_EQ(troubles(look(tight + "20 10 0:30 /x /run/containerd.sock rw,noexec - tmpfs tmpfs rw\n")),
              Troubles{"runtime_socket: /run/containerd.sock"});
}

TEST_F(VerifySurroundings, WithoutMountsNothingPassesThatNeedsThem) {
    const auto findings = look("not a table\n");
    for (const Finding& finding : findings) {
        const bool needs_none = finding.check == "devices" || finding.check == "foreign" || finding.check == "zombies";
        EXPECT_EQ(finding.verdict, needs_none ? Verdict::kPass : Verdict::kUnknown) << finding.check;
    }
}

namespace {

void make_socket(const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    const sys::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

} // namespace

TEST_F(VerifySurroundings, ARuntimesSocketInAFolderThatWasMountedWholeIsReported) {
    const std::string path = directory / "run/docker.sock";
    make_socket(path);
    EXPECT_EQ(troubles(look()), Troubles{"runtime_socket: /run/docker.sock"});
    const std::string tight(kTight);
    const std::string run = tight + "20 10 0:30 / /host/var/run rw,noexec - tmpfs tmpfs rw\n";
    make_socket(directory / "host/var/run/containerd/containerd.sock");
    EXPECT_EQ(troubles(look(run)),
              Troubles{"runtime_socket: /run/docker.sock, /host/var/run/containerd/containerd.sock"});
    make_socket(directory / "host/run/crio/crio.sock");
    EXPECT_EQ(troubles(look(tight + "20 10 0:30 / /host rw,noexec - ext4 a rw\n")),
              Troubles{"runtime_socket: /run/docker.sock, /host/run/crio/crio.sock, "
                       "/host/var/run/containerd/containerd.sock"});
    std::filesystem::remove_all(directory / "host");
    std::filesystem::remove(path);
    put(path, "a file of that name is none");
    EXPECT_EQ(troubles(look()), Troubles{});
}

TEST_F(VerifySurroundings, ForeignProcessesAndZombiesAreNamed) {
    Thread zombie = a_thread(9, 9, 7);
    zombie.state = 'Z';
    threads = {seen(a_thread(1, 1, 0), Role::kInit),
               seen(a_thread(7, 7, 1), Role::kApp),
               seen(zombie, Role::kApp),
               seen(a_thread(50, 50, 0), Role::kForeign),
               seen(a_thread(50, 51, 0), Role::kForeign),
               seen(a_thread(::getpid(), ::getpid(), 0), Role::kForeign)}; // the observer
    EXPECT_EQ(troubles(look()), (Troubles{"foreign: 50 app", "zombies: 9 app"}));
}

TEST_F(VerifySurroundings, ADescriptorFromAFileSystemThatIsNotMountedIsReported) {
    threads = {seen(a_thread(7, 7, 0), Role::kApp)};
    const auto open = [this](const std::string& number, const std::string& target, int mount) {
        std::filesystem::create_directories(directory / "proc/7/fd");
        std::filesystem::create_symlink(target, directory / "proc/7/fd/" + number);
        put(directory / "proc/7/fdinfo/" + number,
            "pos:\t0\nflags:\t0100000\nmnt_id:\t" + std::to_string(mount) + "\n");
    };
    put(directory / "proc/7/mountinfo", "77 1 0:20 / / ro - overlay overlay rw\n"); // made from the container's
    const std::string here = directory.path();
    open("3", here, 10);
    open("4", here, 77);
    open("5", "pipe:[1]", 2);
    EXPECT_EQ(troubles(look()), Troubles{});
    open("9", here, 29);
    EXPECT_EQ(troubles(look()), Troubles{"descriptors: 9 of process 7: " + here});
}

TEST_F(VerifySurroundings, PrivilegedFilesAreFoundWhenAskedForAndNamed) {
    for (const char* const name : {"bin/su", "bin/wall", "bin/plain", "deep/er/passwd"}) {
        put(directory / name, "x");
    }
    ASSERT_EQ(::chmod((directory / "bin/su").c_str(), 04755), 0);
    ASSERT_EQ(::chmod((directory / "bin/wall").c_str(), 02755), 0);
    ASSERT_EQ(::chmod((directory / "bin/plain").c_str(), 0755), 0);
    ASSERT_EQ(::chmod((directory / "deep/er/passwd").c_str(), 04644), 0); // nobody may execute it
    EXPECT_EQ(troubles(look()), Troubles{});
    const auto findings = look(kTight, true);
    auto found = troubles(findings);
    std::ranges::sort(found);
    const std::string uid = std::to_string(::getuid());
    EXPECT_EQ(found, (Troubles{"files.privileged: /bin/su: setuid, of uid " + uid,
                               "files.privileged: /bin/wall: setgid, of gid " + std::to_string(::getgid())}));
    EXPECT_TRUE(std::ranges::contains(findings, "/bin/su", &Finding::file));
}
