#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/kernel.hpp"
#include "temporary_directory.hpp"
#include "verify/assess.hpp"
#include "verify/judge.hpp"
#include "verify/receipt_file.hpp"
#include "verify/status.hpp"

// Judges real processes, made by plain system calls, by what the running kernel says of them. Needs root.

using namespace stepdown;

namespace {

constexpr std::uint32_t kApp = 10001;

void must(long result) {
    if (result < 0) {
        ::_exit(90);
    }
}

void load_filter() {
    sock_filter allow = {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ALLOW};
    const sock_fprog program = {.len = 1, .filter = &allow};
    must(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

// Everything but its own last step, which the tests vary.
struct Drop {
    bool bounding = true;
    bool groups = true;
    bool ids = true;
    bool capabilities = true;
    bool no_new_privs = true;
    bool filter = true;
};

// Of the calling thread alone: the bare system calls, not the C library's for all threads.
void drop(const Drop& what) {
    for (int capability = 0; what.bounding && ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
        must(::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));
    }
    const gid_t kept = 4;
    must(::syscall(SYS_setgroups, what.groups ? 0 : 1, &kept));
    if (what.ids) {
        must(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
        must(::syscall(SYS_setresgid, kApp, kApp, kApp));
        must(::syscall(SYS_setresuid, kApp, kApp, kApp));
    }
    if (what.no_new_privs) {
        must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    }
    if (what.filter && what.no_new_privs) {
        load_filter();
    }
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct sets[2]{};
    if (!what.capabilities) {
        sets[0].permitted = 1U << CAP_NET_RAW;
    }
    must(::syscall(SYS_capset, &header, sets));
}

// A child that does something, says so, and waits to be ended.
class Child {
  public:
    explicit Child(const std::function<void()>& life) {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
            life();
            must(::write(ends[1], "", 1));
            for (;;) {
                ::pause();
            }
        }
        ::close(ends[1]);
        char ready = 0;
        EXPECT_EQ(::read(ends[0], &ready, 1), 1) << "the child did not get as far as it should";
        ::close(ends[0]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
};

// The receipt of a start that dropped all, in a directory of root's.
class VerifyLive : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::geteuid(), 0U) << "the kernel tests need root";
        ASSERT_EQ(::chmod(directory.c_str(), 0755), 0);
    }

    Facts own_facts() {
        const auto file =
            kernel.open_at(AT_FDCWD, ("/proc/" + std::to_string(::getpid()) + "/status").c_str(), O_RDONLY);
        EXPECT_TRUE(file);
        return verify::parse_status(*kernel.read_whole(*file)).facts;
    }

    Facts wanted() {
        Facts facts;
        facts.uid = all_four(kApp);
        facts.gid = all_four(kApp);
        facts.groups.emplace();
        facts.capabilities.emplace();
        facts.no_new_privs = true;
        facts.seccomp_mode = 2;
        facts.seccomp_filters = own_facts().seccomp_filters.value() + 1;
        return facts;
    }

    Report judge(const Child& child, bool init = false) {
        verify::Receipt receipt;
        receipt.pid = child.pid();
        receipt.init = init;
        receipt.wanted = wanted();
        receipt.filter = {"default", std::string(64, 'b')};
        const auto path =
            verify::write_receipt_file(kernel, verify::write_receipt(receipt), directory + "/own/receipt");
        EXPECT_TRUE(path) << path.error().line;
        return verify::assess(kernel, {.proc = "/proc", .receipt = *path, .pid = {}});
    }

    static std::vector<std::string> troubles(const Report& report) {
        std::vector<std::string> all;
        const auto take = [&all](const std::vector<Finding>& findings) {
            for (const Finding& finding : findings) {
                if (finding.verdict == Verdict::kFail || finding.verdict == Verdict::kUnknown) {
                    all.push_back(finding.check);
                }
            }
        };
        take(report.container);
        for (const Subject& subject : report.subjects) {
            take(subject.findings);
        }
        return all;
    }

    sys::Kernel& kernel = sys::real_kernel();
    stepdown::testing::TemporaryDirectory temporary;
    std::string directory = temporary.path().string();
};

using Troubles = std::vector<std::string>;

} // namespace

TEST_F(VerifyLive, AProcessThatSteppedDownPasses) {
    const Child child([] { drop({}); });
    const Report report = judge(child);
    EXPECT_EQ(troubles(report), Troubles{});
    EXPECT_EQ(overall(report), Verdict::kPass);
    EXPECT_EQ(report.container.at(1).check, "receipt.protected");
    EXPECT_EQ(report.container.at(1).verdict, Verdict::kPass) << report.container.at(1).observed;
    const auto judged =
        std::ranges::count_if(report.subjects, [](const Subject& s) { return s.role != Role::kForeign; });
    EXPECT_EQ(judged, 1);
    EXPECT_GT(report.subjects.size(), 1U); // this test itself is foreign
}

TEST_F(VerifyLive, EachThingThatIsLeftOutIsReportedAndOnlyIt) {
    const struct {
        Drop what;
        Troubles expected;
    } rows[] = {
        {{.bounding = false}, {"capabilities.bounding"}},
        {{.groups = false}, {"groups"}},
        {{.ids = false}, {"uid", "gid"}},
        {{.capabilities = false}, {"capabilities.permitted"}},
        {{.no_new_privs = false}, {"no_new_privs", "seccomp.mode", "seccomp.filters"}},
        {{.filter = false}, {"seccomp.mode", "seccomp.filters"}},
    };
    for (const auto& row : rows) {
        Troubles expected = row.expected;
        if (own_facts().seccomp_mode == 2) { // in a container with a filter of the engine's
            std::erase(expected, "seccomp.mode");
        }
        const Child child([&row] { drop(row.what); });
        EXPECT_EQ(troubles(judge(child)), expected);
    }
}

TEST_F(VerifyLive, AThreadWithOtherIdsIsReportedAndOnlyIt) {
    const Child child([] {
        std::thread([] {
            for (;;) {
                ::pause();
            }
        }).detach();
        drop({}); // the thread above stays root: credentials are a thread's
    });
    const Report report = judge(child);
    EXPECT_EQ(overall(report), Verdict::kFail);
    std::size_t threads = 0;
    for (const Subject& subject : report.subjects) {
        if (subject.role != Role::kForeign) {
            ++threads;
            const bool failed =
                std::ranges::any_of(subject.findings, [](const Finding& f) { return f.verdict == Verdict::kFail; });
            EXPECT_EQ(failed, subject.thread.tid != child.pid()) << subject.thread.tid;
        }
    }
    EXPECT_EQ(threads, 2U);
}

TEST_F(VerifyLive, ChildrenOfTheAppAreJudgedAndZombiesAreNot) {
    const Child child([] {
        int life[2];
        must(::pipe2(life, O_CLOEXEC));
        const pid_t below = ::fork();
        must(below);
        if (below == 0) { // stays root, so its parent's death cannot signal it: it ends when the pipe does
            ::close(life[1]);
            char never = 0;
            ::_exit(static_cast<int>(::read(life[0], &never, 1)));
        }
        const pid_t zombie = ::fork();
        must(zombie);
        if (zombie == 0) {
            ::_exit(0);
        }
        siginfo_t ended{};
        must(::waitid(P_PID, static_cast<id_t>(zombie), &ended, WEXITED | WNOWAIT));
        drop({});
    });
    const Report report = judge(child);
    EXPECT_TRUE(std::ranges::contains(troubles(report), "uid"));
    std::size_t zombies = 0;
    for (const Subject& subject : report.subjects) {
        if (subject.role != Role::kForeign && subject.thread.state == 'Z') {
            ++zombies;
            ASSERT_EQ(subject.findings.size(), 1U);
            EXPECT_EQ(subject.findings[0].verdict, Verdict::kSkipped);
        }
    }
    EXPECT_EQ(zombies, 1U);
}

TEST_F(VerifyLive, ATracerIsReported) {
    const Child child([] { drop({}); });
    ASSERT_EQ(::ptrace(PTRACE_SEIZE, child.pid(), nullptr, nullptr), 0);
    EXPECT_EQ(troubles(judge(child)), Troubles{"tracer"});
    ASSERT_EQ(::ptrace(PTRACE_INTERRUPT, child.pid(), nullptr, nullptr), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child.pid(), &status, 0), child.pid());
    ASSERT_EQ(::ptrace(PTRACE_DETACH, child.pid(), nullptr, nullptr), 0);
    EXPECT_EQ(troubles(judge(child)), Troubles{});
}

TEST_F(VerifyLive, ADumpableInitIsReported) {
    const Child hidden([] {
        drop({});
        must(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    });
    EXPECT_EQ(troubles(judge(hidden, true)), Troubles{});
    const Child exposed([] {
        drop({});
        must(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    });
    EXPECT_EQ(troubles(judge(exposed, true)), Troubles{"init.dumpable"});
}

TEST_F(VerifyLive, AReceiptInADirectoryOfTheAppsLoosensNothing) {
    const Child child([] { drop({.ids = false}); });
    ASSERT_FALSE(troubles(judge(child)).empty());
    verify::Receipt forged;
    forged.pid = child.pid();
    forged.init = false;
    forged.allow_root = true;
    forged.wanted = wanted();
    forged.wanted.uid = all_four(0);
    forged.wanted.gid = all_four(0);
    const std::string path = directory + "/own/receipt";
    ASSERT_TRUE(verify::write_receipt_file(kernel, verify::write_receipt(forged), path));
    EXPECT_EQ(troubles(verify::assess(kernel, {.proc = "/proc", .receipt = path, .pid = {}})),
              Troubles{"receipt.protected"}); // unknown: a root app could have written it
    ASSERT_EQ(::chown((directory + "/own").c_str(), kApp, kApp), 0);
    const auto found = troubles(verify::assess(kernel, {.proc = "/proc", .receipt = path, .pid = child.pid()}));
    for (const char* const check : {"receipt.protected", "uid", "gid"}) {
        EXPECT_TRUE(std::ranges::contains(found, check)) << check;
    }
}

TEST_F(VerifyLive, ADirectoryOfAnothersIsNotWrittenTo) {
    ASSERT_EQ(::mkdir((directory + "/theirs").c_str(), 0755), 0);
    ASSERT_EQ(::chown((directory + "/theirs").c_str(), kApp, kApp), 0);
    const auto written = verify::write_receipt_file(kernel, "Stepdown:\t1\n", directory + "/theirs/receipt");
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().line.find("belongs to uid 10001"), std::string::npos) << written.error().line;
}

TEST_F(VerifyLive, TheStartsBarrierAndTheKernelAgree) {
    const Child child([] { drop({}); });
    const auto file = kernel.open_at(AT_FDCWD, ("/proc/" + std::to_string(child.pid()) + "/status").c_str(), O_RDONLY);
    ASSERT_TRUE(file);
    const auto status = verify::read_status(*kernel.read_whole(*file));
    EXPECT_FALSE(status.malformed);
    EXPECT_EQ(status.thread.pid, child.pid());
    EXPECT_EQ(status.thread.parent, ::getpid());
    EXPECT_EQ(verify::first_mismatch(wanted(), status.thread.facts), std::nullopt);
    EXPECT_NE(verify::first_mismatch(own_facts(), status.thread.facts), std::nullopt);
}
