#include "kernel/supervise_fixture.hpp"

// --emulate-root from end to end with the real binary: what the app is told, what the kernel knows, and PID 1's other
// duties meanwhile.
namespace stepdown::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kFull = "--emulate-root=full";

class EmulateStart : public Supervise {
  protected:
    std::string said(const std::string& script, const std::vector<std::string>& options, int status = 0) const {
        Running running = start_shell(script, options);
        EXPECT_EQ(running.ended(), status) << running.output();
        return running.output();
    }
};

TEST_F(EmulateStart, TheAppIsToldThatItIsRoot) {
    EXPECT_EQ(said("id -u; id -G", {"--emulate-root=ids"}), "0\n0\n") << "getgroups tells the truth: none";
    EXPECT_EQ(said("id", {kFull}), "uid=0(root) gid=0(root) groups=0(root)\n");
    EXPECT_EQ(said("id -u", {kFull, "--seccomp=off"}), "0\n");
    EXPECT_EQ(said("id -u", {"--emulate-root=full,-getid"}), "10001\n");
    EXPECT_EQ(said("id -u", {"--emulate-root=off"}), "10001\n");
}

TEST_F(EmulateStart, TheKernelKnowsBetterAndCountsOneFilterMore) {
    const std::string plain = said("grep -E '^(Uid|Gid|Cap|NoNew|Seccomp)' /proc/self/status", {});
    std::string wanted = plain;
    const std::size_t at = wanted.find("Seccomp_filters:\t1");
    ASSERT_NE(at, std::string::npos);
    wanted.replace(at, 18, "Seccomp_filters:\t2");
    for (const char* level : {"--emulate-root=ids", kFull}) {
        EXPECT_EQ(said("grep -E '^(Uid|Gid|Cap|NoNew|Seccomp)' /proc/self/status", {level}), wanted);
    }
    EXPECT_THAT(said("cat /etc/shadow; true", {kFull}), HasSubstr("Permission denied"));
}

TEST_F(EmulateStart, SteppingDownIsConsistentAndAFakedChrootIsSaidOnce) {
    EXPECT_EQ(said("setpriv --reuid=33 --regid=33 --clear-groups id -u", {kFull}), "33\n");
    const std::string twice = said("chroot / true && chroot / id -u", {kFull});
    EXPECT_THAT(twice, HasSubstr("there is no jail"));
    EXPECT_THAT(twice.substr(twice.find("no jail") + 1), Not(HasSubstr("no jail")));
    EXPECT_THAT(said("chroot / true", {"--emulate-root=full,-chroot"}, 125), HasSubstr("not permitted"));
}

TEST_F(EmulateStart, TheAppsOwnFilterHasTheLastWord) {
    const fs::path profile = directory_ / "profile.json";
    std::ofstream(profile) << R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO",
                                   "names": ["chroot", "chown", "fchownat", "seccomp", "sendmsg"]}]})";
    const std::string own = "--seccomp=" + profile.string();
    EXPECT_THAT(said("id -u; chroot / true", {kFull, own}, 125), HasSubstr("0\nchroot"));
    EXPECT_THAT(said("touch /tmp/of-10001; chown 1 /tmp/of-10001", {"--emulate-root=ids", own}, 1),
                HasSubstr("not permitted"));
}

TEST_F(EmulateStart, FullNeedsPid1) {
    EXPECT_THAT(said("true", {kFull, "--no-init"}, 100), HasSubstr("--no-init leaves none"));
    EXPECT_EQ(said("id -u", {"--emulate-root=ids", "--no-init"}), "0\n");
    EXPECT_THAT(said("true", {"--emulate-root=root"}, 100), HasSubstr("give off, ids or full"));
}

TEST_F(EmulateStart, StatusesSignalsAndOrphansAreAsEver) {
    EXPECT_EQ(start({"/no/such/program"}, {kFull}).ended(), 127);
    EXPECT_EQ(start_app("exit 42", {kFull}).ended(), 42);
    EXPECT_EQ(start_app("die 15", {kFull}).ended(), 128 + 15);
    EXPECT_EQ(start_app("exit 3", {kFull}, {.as_pid_1 = false}).ended(), 3);
    EXPECT_EQ(said("(sleep 0.2; id -u) & exit 0", {kFull}), "");
    EXPECT_EQ(said("sh -c '(sleep 0.2; exec id -u) &'; sleep 1", {kFull}), "0\n");
}

// Many processes that ask without a pause: PID 1 forwards and reaps between any two answers.
TEST_F(EmulateStart, AFloodOfCallsStallsNeitherSignalsNorReaping) {
    const std::string flood = "for i in 1 2 3 4 5 6 7 8; do (while :; do id -u >/dev/null; done) & done; "
                              "trap 'echo told; kill -9 -1; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    Running running = start_shell(flood, {kFull});
    ASSERT_TRUE(running.says("ready"));
    const auto before = Clock::now();
    ::kill(running.pid(), SIGTERM);
    EXPECT_TRUE(running.says("told"));
    EXPECT_LT(Clock::now() - before, 5s);
    EXPECT_EQ(running.ended(), 7);
}

TEST_F(EmulateStart, ExecBesideItHasTheAnswersOfAFilter) {
    Running running({"exec", "--user=10001:10001", "--receipt=off", kFull, "--", "/bin/sh", "-c", "id -u; chroot / :"},
                    {});
    EXPECT_EQ(running.ended(), 125) << running.output();
    EXPECT_THAT(running.output(), HasSubstr("0\nchroot"));
}

} // namespace
} // namespace stepdown::testing
