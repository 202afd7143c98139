#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cap-ng.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/commands.hpp"
#include "kernel/faulty_kernel.hpp"
#include "temporary_directory.hpp"

// What a start does when one privileged call fails, or lies. Each start is a forked child of this test, as root, on the
// real kernel.
namespace stepdown {
namespace {

namespace fs = std::filesystem;
using testing::Fault;
using testing::FaultyKernel;
using ::testing::HasSubstr;

struct Ended {
    int status = -1;
    std::string errors;
    bool app_started = false;
};

class StartFault : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::geteuid(), 0U) << "the kernel tests need root";
        fs::permissions(directory_, fs::perms::all);
    }

    // A start with everything on: setup, receipt, drop, filters, read-back. The app's only deed is a file named
    // "started".
    Ended start(std::string_view faulty, Fault fault, bool init, const char* emulate_root = "off") {
        fs::remove_all(directory_ / "state");
        fs::remove(directory_ / "started");
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::dup2(ends[1], STDERR_FILENO);
            ::_exit(run_in_child(faulty, fault, init, emulate_root));
        }
        ::close(ends[1]);
        Ended ended;
        char buffer[4096];
        for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
            ended.errors.append(buffer, static_cast<std::size_t>(got));
        }
        ::close(ends[0]);
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        ended.app_started = fs::exists(directory_ / "started");
        return ended;
    }

    // What an engine can leave behind for the drop to find: a supplementary group, and an ambient capability.
    static void burden() {
        const gid_t group = 27;
        EXPECT_EQ(::setgroups(1, &group), 0);
        capng_get_caps_process();
        EXPECT_EQ(capng_update(CAPNG_ADD, CAPNG_INHERITABLE, CAP_CHOWN), 0);
        EXPECT_EQ(capng_apply(CAPNG_SELECT_CAPS), 0);
        EXPECT_EQ(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0), 0);
    }

    int run_in_child(std::string_view faulty, Fault fault, bool init, const char* emulate_root) {
        burden();
        FaultyKernel kernel(faulty, fault);
        cli::Parsed parsed;
        parsed.plan.user_spec = "10001:10001";
        parsed.plan.setup = {
            {.kind = SetupKind::kMakeDirectory, .path = (directory_ / "state/deep").string(), .mode = 0750},
            {.kind = SetupKind::kOwn, .path = (directory_ / "state").string(), .mode = {}}};
        parsed.plan.receipt = (directory_ / "left/receipt").string();
        parsed.plan.init = init;
        parsed.plan.emulate_root = emulate_root;
        parsed.plan.command = {"/bin/sh", "-c", "echo > " + (directory_ / "started").string()};
        return commands::run(kernel, parsed, supervise::take_signals());
    }

    testing::TemporaryDirectory temporary_;
    fs::path directory_ = temporary_.path();
};

TEST_F(StartFault, WithoutAFaultTheAppStarts) {
    for (const bool init : {true, false}) {
        const Ended ended = start("", Fault::kRefuses, init);
        EXPECT_EQ(ended.status, 0) << "init " << init << ": " << ended.errors;
        EXPECT_EQ(ended.errors, "");
        EXPECT_TRUE(ended.app_started);
    }
}

struct Refusal {
    const char* faulty;
    ExitCode code;
    const char* named; // the call, as the line has it
    bool only_with_init = false;
};

const Refusal kRefusals[] = {
    {"open_at", ExitCode::kSetup, "openat2"},
    {"make_directory_at", ExitCode::kSetup, "mkdirat"},
    {"change_owner_at", ExitCode::kSetup, "fchownat"},
    {"close_from", ExitCode::kDrop, "close_range"},
    {"clear_ambient", ExitCode::kDrop, "PR_CAP_AMBIENT_CLEAR_ALL"},
    {"drop_bounding", ExitCode::kDrop, "PR_CAPBSET_DROP"},
    {"set_securebits", ExitCode::kDrop, "PR_SET_SECUREBITS"},
    {"set_groups", ExitCode::kDrop, "setgroups"},
    {"set_gid", ExitCode::kDrop, "setresgid"},
    {"set_uid", ExitCode::kDrop, "setresuid"},
    {"set_capabilities", ExitCode::kDrop, "capset"},
    {"set_no_new_privs", ExitCode::kDrop, "PR_SET_NO_NEW_PRIVS"},
    {"set_dumpable", ExitCode::kDrop, "PR_SET_DUMPABLE"},
    {"load_filter", ExitCode::kConfine, "seccomp"},
    {"read_whole", ExitCode::kUsage, "read"},
    {"spawn", ExitCode::kInternal, "clone", true},
    {"execute", ExitCode::kNotExecutable, "execve"},
};

TEST_F(StartFault, ARefusedCallEndsTheStartWithItsStagesCodeAndItsName) {
    for (const bool init : {true, false}) {
        for (const Refusal& row : kRefusals) {
            if (row.only_with_init && !init) {
                continue;
            }
            const Ended ended = start(row.faulty, Fault::kRefuses, init);
            EXPECT_EQ(ended.status, to_status(row.code)) << row.faulty << ": " << ended.errors;
            EXPECT_THAT(ended.errors, HasSubstr(row.named)) << row.faulty;
            EXPECT_EQ(std::ranges::count(ended.errors, '\n'), 1) << "one line: " << ended.errors;
            EXPECT_FALSE(ended.app_started) << row.faulty;
        }
    }
}

TEST_F(StartFault, WithoutItsEmulationNothingStarts) {
    const struct {
        const char* faulty;
        Fault fault;
        bool init;
        const char* level;
    } rows[] = {{"load_listened_filter", Fault::kRefuses, true, "full"},
                {"load_filter", Fault::kRefuses, true, "ids"},
                {"load_filter", Fault::kRefuses, false, "ids"},
                {"load_filter", Fault::kLies, true, "ids"},
                {"load_filter", Fault::kLies, true, "full"}};
    for (const auto& row : rows) {
        const Ended ended = start(row.faulty, row.fault, row.init, row.level);
        EXPECT_NE(ended.status, 0) << row.faulty;
        EXPECT_FALSE(ended.app_started) << row.faulty << ": " << ended.errors;
        EXPECT_EQ(std::ranges::count(ended.errors, '\n'), 1) << "one line: " << ended.errors;
    }
    for (const char* level : {"ids", "full"}) {
        const Ended ended = start("", Fault::kRefuses, true, level);
        EXPECT_EQ(ended.status, 0) << ended.errors;
        EXPECT_TRUE(ended.app_started);
    }
}

TEST_F(StartFault, WithoutProcTheReadBackAsksBySystemCalls) {
    for (const bool init : {true, false}) {
        const Ended ended = start("open_status", Fault::kRefuses, init);
        EXPECT_EQ(ended.status, 0) << ended.errors;
        EXPECT_TRUE(ended.app_started);
    }
}

TEST_F(StartFault, WhereNoKeyringIsToBeHadTheAppKeepsTheOldOne) {
    for (const bool init : {true, false}) {
        const Ended ended = start("new_session_keyring", Fault::kRefuses, init);
        EXPECT_EQ(ended.status, 0) << ended.errors;
        EXPECT_EQ(ended.errors, "");
        EXPECT_TRUE(ended.app_started);
    }
}

// A return code is not proof: the call claims success, and only the kernel's own account can tell.
TEST_F(StartFault, ACallThatLiesIsCaughtByTheReadBack) {
    for (const bool init : {true, false}) {
        for (const char* faulty : {"drop_bounding", "set_securebits", "set_groups", "set_gid", "set_uid",
                                   "set_capabilities", "set_no_new_privs", "load_filter"}) {
            const Ended ended = start(faulty, Fault::kLies, init);
            EXPECT_NE(ended.status, 0) << faulty;
            EXPECT_FALSE(ended.app_started) << faulty << ": " << ended.errors;
        }
    }
}

} // namespace
} // namespace stepdown
