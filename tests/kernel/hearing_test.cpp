#include "kernel/supervise_fixture.hpp"

// --seccomp-report and --seccomp-learn from end to end with the real binary.
namespace stepdown::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kReport = "--seccomp-report";
constexpr auto kLearn = "--seccomp-learn";

std::size_t count_of(const std::string& text, const std::string& what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        ++count;
    }
    return count;
}

class HearingStart : public Supervise {
  protected:
    std::string said(const std::string& script, const std::vector<std::string>& options, int status = 0) const {
        Running running = start_shell(script, options);
        EXPECT_EQ(running.ended(), status) << running.output();
        return running.output();
    }
    std::string profile(const std::string& text) const {
        std::ofstream(directory_ / "profile.json") << text;
        return "--seccomp=" + (directory_ / "profile.json").string();
    }
    std::string denying(const std::string& names) const {
        return profile(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO", "errnoRet": 111,
                           "names": [)" +
                       names + "]}]}");
    }
};

// 111 is ECONNREFUSED, which the kernel itself answers to none of these.
constexpr auto kMakeFolders = "mkdir /tmp/of-a-test; mkdir /tmp/of-a-test; mkdir /tmp/of-a-test; echo end";

TEST_F(HearingStart, ADeniedCallIsToldOnceAndTheAppGetsTheSameErrno) {
    const std::string own = denying(R"("mkdir", "mkdirat")");
    const std::string plain = said(kMakeFolders, {own});
    const std::string reported = said(kMakeFolders, {own, kReport});
    EXPECT_EQ(count_of(plain, "Connection refused"), 3U) << plain;
    EXPECT_EQ(count_of(reported, "Connection refused"), 3U) << reported;
    EXPECT_EQ(count_of(reported, "denied mkdir = ECONNREFUSED to pid"), 1U) << reported;
    EXPECT_THAT(reported, AllOf(HasSubstr("(mkdir), arguments 0x"), HasSubstr("3 times in all"),
                                HasSubstr("denied 3 calls in all, of 1 kinds")));
}

TEST_F(HearingStart, ManyAreCounted) {
    const std::string script = "python3 -c 'import os\nfor i in range(250):\n  try: os.mkdir(\"/tmp/of-a-test\")\n"
                               "  except OSError as e: assert e.errno == 111'";
    const std::string reported = said(script, {denying(R"("mkdir")"), kReport});
    EXPECT_EQ(count_of(reported, "times so far"), 2U) << "10 and 100: " << reported;
    EXPECT_THAT(reported, HasSubstr("250 times in all"));
}

TEST_F(HearingStart, TheBuiltInFilterIsReportedWithItsErrnos) {
    const std::string script = "python3 -c 'import socket\ntry: socket.socket(38, 5)\n"
                               "except OSError as e: print(e.errno)'";
    EXPECT_EQ(said(script, {}), "97\n");
    EXPECT_THAT(said(script, {kReport}), AllOf(HasSubstr("97\n"), HasSubstr("denied socket = EAFNOSUPPORT to pid"),
                                               HasSubstr("arguments 0x26 0x80005 0x0")));
    EXPECT_THAT(said("true", {kReport}), Not(HasSubstr("seccomp:")));
}

TEST_F(HearingStart, LearningLetsThroughAndSaysThatItIsUnsafe) {
    const std::string script = "mkdir " + (directory_ / "made").string() + " && echo made";
    const std::string learned = said(script, {denying(R"("mkdir", "mkdirat")"), kLearn});
    EXPECT_THAT(learned, AllOf(HasSubstr("UNSAFE"), HasSubstr("made\n"), HasSubstr("would have denied mkdir")));
    EXPECT_TRUE(fs::exists(directory_ / "made"));
}

TEST_F(HearingStart, AFilterThatForbidsAllThatTheHandOverNeedsIsReportedToo) {
    const std::string own = denying(R"("sendmsg", "seccomp", "sched_yield", "prctl", "dup2", "fcntl", "clone")");
    EXPECT_THAT(said("exec /bin/echo here", {own, kReport}), HasSubstr("here\n"));
}

TEST_F(HearingStart, OneFilterServesTheEmulationOfRootAsWell) {
    const std::vector<std::string> both = {"--emulate-root=full", kReport};
    EXPECT_THAT(said("id; grep Seccomp_filters /proc/self/status; unshare -n true", both, 1),
                AllOf(HasSubstr("uid=0(root)"), HasSubstr("Seccomp_filters:\t1"), HasSubstr("denied unshare = EPERM")));
    EXPECT_THAT(said("id -u; chroot / true", {both[0], both[1], denying(R"("chroot")")}, 125),
                AllOf(HasSubstr("0\n"), HasSubstr("denied chroot = ECONNREFUSED")));
    const std::string script = "python3 -c 'import os\ntry: os.setresuid(33, 33, 33)\n"
                               "except OSError as e: print(os.getuid(), e.errno)'";
    EXPECT_THAT(said(script, {"--emulate-root=ids", "--seccomp=strict", kReport}),
                AllOf(HasSubstr("0 1\n"), HasSubstr("denied setresuid = EPERM")))
        << "the app's refusal counts, not the emulation's success";
}

TEST_F(HearingStart, ItNeedsPid1AndAFilter) {
    EXPECT_THAT(said("true", {kReport, "--no-init"}, 100), HasSubstr("--no-init leaves none"));
    EXPECT_THAT(said("true", {kReport, "--seccomp=off"}, 100), HasSubstr("--seccomp=off denies nothing"));
    EXPECT_THAT(said("true", {kLearn, "--seccomp=off"}, 100), HasSubstr("--seccomp=off denies nothing"));
}

TEST_F(HearingStart, StatusesSignalsAndOrphansAreAsEver) {
    const std::string own = denying(R"("mkdir", "mkdirat")");
    EXPECT_EQ(start({"/no/such/program"}, {kReport}).ended(), 127);
    EXPECT_EQ(start_app("exit 42", {kReport}).ended(), 42);
    EXPECT_EQ(start_app("die 15", {kReport}).ended(), 128 + 15);
    const std::string flood = "for i in 1 2 3 4; do (while :; do mkdir /tmp/of-a-test 2>/dev/null; done) & done; "
                              "trap 'echo told; kill -9 -1; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    Running running = start_shell(flood, {own, kReport});
    ASSERT_TRUE(running.says("ready"));
    ::kill(running.pid(), SIGTERM);
    EXPECT_TRUE(running.says("told"));
    EXPECT_EQ(running.ended(), 7);
}

// `stepdown record` likewise; what it is for, with real programs, is in tests/container/test_record.py.
class RecordStart : public HearingStart {
  protected:
    std::string profile_path() const { return (directory_ / "recorded.json").string(); }
    std::string recorded(const std::string& script, std::vector<std::string> options = {}, int status = 0) const {
        options.insert(options.begin(), {"record", "-o", profile_path()});
        Running running = start_shell(script, options);
        EXPECT_EQ(running.ended(), status) << running.output();
        return running.output();
    }
    // The comment of the rule that names the call.
    std::string phase_of(const std::string& call) const {
        const std::string text = read_file(profile_path());
        const std::size_t at = text.find("\"" + call + "\"");
        const std::size_t comment = text.rfind("\"comment\"", at);
        return at == std::string::npos ? "" : text.substr(comment, text.find('\n', comment) - comment);
    }
};

TEST_F(RecordStart, WhatWasRecordedRunsWithoutADenialAndNothingElseDoes) {
    const std::string script = "ls / >/dev/null; echo done";
    EXPECT_EQ(recorded(script), "done\n");
    const std::string own = "--seccomp=" + profile_path();
    EXPECT_EQ(said(script, {own, kReport}), "done\n");
    EXPECT_EQ(said(script, {own}), "done\n");
    EXPECT_EQ(said(script, {own, "--no-init"}), "done\n");
    EXPECT_THAT(said("mkdir " + (directory_ / "x").string(), {own, kReport}, 1), HasSubstr("denied mkdir = ENOSYS"));
}

TEST_F(RecordStart, TheStartEndsWhenTheAppIsReadyOrTheTimeIsOver) {
    const std::string folder = (directory_ / "made").string();
    recorded("ls / >/dev/null; echo >&3; mkdir " + folder, {"--ready=fd:3"});
    EXPECT_THAT(phase_of("mkdir"), HasSubstr("steady state"));
    EXPECT_THAT(phase_of("getdents64"), HasSubstr("start-up only"));
    recorded("ls / >/dev/null; sleep 0.5; rmdir " + folder, {"--startup=250ms"});
    EXPECT_THAT(phase_of("rmdir"), HasSubstr("steady state"));
    EXPECT_THAT(phase_of("getdents64"), HasSubstr("start-up only"));
}

TEST_F(RecordStart, TheFilterInForceHoldsMeanwhile) {
    const std::string made = (directory_ / "made").string();
    EXPECT_THAT(recorded("mkdir " + made + "; echo on", {denying(R"("mkdir", "mkdirat")")}),
                AllOf(HasSubstr("denied mkdir = ECONNREFUSED"), HasSubstr("on\n")));
    EXPECT_THAT(read_file(profile_path()), HasSubstr(R"("errnoRet": 111)"));
    EXPECT_THAT(said("mkdir " + made, {"--seccomp=" + profile_path()}, 1), HasSubstr("Connection refused"));
}

TEST_F(RecordStart, TheEmulationOfRootIsServedToo) {
    EXPECT_EQ(recorded("id -u", {"--emulate-root=full"}), "0\n");
    EXPECT_EQ(said("id -u", {"--emulate-root=full", "--seccomp=" + profile_path()}), "0\n");
    EXPECT_EQ(recorded("id -u", {"--seccomp=off"}), "10001\n");
}

TEST_F(RecordStart, WhatWasRecordedBeforeStaysUntilThereIsMore) {
    const auto put = [this](const std::string& text) { std::ofstream(profile_path()) << text; };
    const auto got = [this] {
        std::ifstream file(profile_path());
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const fs::path program = directory_ / "no-program";
    std::ofstream(program) << "no program";
    fs::permissions(program, fs::perms(0755));
    put("before");
    Running none({"record", "-o", profile_path(), "--user=10001:10001", "--receipt=off", "--", program.string()}, {});
    EXPECT_EQ(none.ended(), 126);
    EXPECT_EQ(got(), "before");
    put(std::string(100'000, 'x'));
    recorded("true");
    EXPECT_TRUE(got().starts_with("{") && got().ends_with("}\n")) << "longer than what is recorded";
    const fs::path link = directory_ / "link";
    fs::create_symlink(profile_path(), link);
    ASSERT_EQ(::lchown(link.c_str(), 10001, 10001), 0);
    Running trap({"record", "-o", link.string(), "--user=10001:10001", "--receipt=off", "--", "true"}, {});
    EXPECT_EQ(trap.ended(), 100);
    EXPECT_THAT(trap.output(), HasSubstr("a symbolic link of another user's"));
}

TEST_F(RecordStart, StatusesAndBadWords) {
    recorded("exit 42", {}, 42);
    Running none({"record", "--user=10001:10001", "--", "true"}, {});
    EXPECT_EQ(none.ended(), 100);
    EXPECT_THAT(none.output(), HasSubstr("-o FILE"));
    Running unwritable({"record", "-o", "/none/p.json", "--user=10001:10001", "--", "true"}, {});
    EXPECT_EQ(unwritable.ended(), 100);
    EXPECT_THAT(unwritable.output(), HasSubstr("cannot write /none/p.json"));
    Running other({"record", "--merge", "/dev/null", "-o", profile_path()}, {});
    EXPECT_EQ(other.ended(), 100);
    EXPECT_THAT(other.output(), HasSubstr("/dev/null"));
}

} // namespace
} // namespace stepdown::testing
