#include "unit/verify_assess.hpp"

using namespace stepdown;
using stepdown::testing::a_receipt;
using stepdown::testing::a_thread;
using stepdown::testing::dropped;
using stepdown::testing::FakeProc;
using stepdown::testing::put;
using stepdown::testing::root;
using stepdown::testing::Troubles;
using stepdown::testing::VerifyAssess;

namespace {

// Puts a process of a FakeProc into a container, as the kernel shows it: its PID namespace, its cgroup, its root; and
// its number in that namespace where that is another than the node's.
void contain(const FakeProc& proc, pid_t pid, const std::string& space, const std::string& cgroup,
             const std::string& root, pid_t inner = 0, unsigned start = 0) {
    const std::string base = proc.path() + "/" + std::to_string(pid);
    const std::string numbers = std::to_string(pid) + (inner == 0 ? "" : "\t" + std::to_string(inner));
    put(proc.status_path(pid, pid), stepdown::testing::get(proc.status_path(pid, pid)) + "NSpid:\t" + numbers + "\n");
    std::filesystem::create_directories(base + "/ns");
    std::filesystem::create_symlink("pid:[" + space + "]", base + "/ns/pid");
    std::filesystem::remove(base + "/root");
    std::filesystem::create_symlink(root, base + "/root");
    put(base + "/stat", std::to_string(pid) + " (a) b) S" + std::string(" 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ") +
                            std::to_string(start == 0 ? static_cast<unsigned>(pid) : start) + " 0\n");
    std::filesystem::create_symlink("user:[1]", base + "/ns/user");
    std::filesystem::copy_file(proc.status_path(pid, pid), base + "/status");
    put(base + "/cgroup", "0::" + cgroup + "\n");
    put(base + "/uid_map", "         0          0 4294967295\n");
}

} // namespace

TEST_F(VerifyAssess, ANodesContainersAreToldApartAndEachIsJudgedByItsOwnReceipt) {
    const std::string first(64, 'a');
    const std::string second(64, 'b');
    const std::string third(64, 'c');
    Facts other = dropped();
    other.uid = all_four(10002);
    const FakeProc proc({a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(100, 100, 2),
                         a_thread(101, 101, 100), a_thread(150, 150, 2, root()), a_thread(200, 200, 2),
                         a_thread(201, 201, 200, other), a_thread(300, 300, 2, root())});
    const std::string with = directory / "with";
    const std::string without = directory / "without";
    std::filesystem::create_directories(with + "/run/stepdown");
    std::filesystem::create_directories(without);
    for (const pid_t pid : {1, 2}) {
        contain(proc, pid, "1", "/init.scope", "/");
    }
    contain(proc, 100, "7", "/docker/" + first, with, 1);
    contain(proc, 101, "7", "/docker/" + first, with, 2);
    contain(proc, 150, "7", "/docker/" + first, with, 9); // has entered: its parent is the node's
    contain(proc, 200, "8", "/docker/" + second, with, 1);
    contain(proc, 201, "8", "/docker/" + second, with, 2);
    contain(proc, 300, "1", "/docker/" + third, without); // shares the node's PID namespace
    put(with + "/run/stepdown.receipt", verify::write_receipt(a_receipt()));
    const Report node = verify::assess_node(
        sys::real_kernel(), {.proc = proc.path(), .receipt = "auto", .pid = {}, .least = Severity::kLow});
    ASSERT_EQ(node.members.size(), 3U);
    EXPECT_EQ(node.members[0].id, first);
    EXPECT_EQ(node.members[0].subjects.size(), 3U);
    EXPECT_EQ(node.members[0].subjects[2].role, Role::kForeign);
    EXPECT_EQ(node.members[0].receipt, "/run/stepdown.receipt");
    EXPECT_TRUE(std::ranges::contains(troubles(node.members[1]), "201/201 uid"));
    EXPECT_FALSE(std::ranges::contains(troubles(node.members[0]), "101/101 uid"));
    EXPECT_EQ(node.members[2].id, third);
    EXPECT_TRUE(std::ranges::contains(troubles(node.members[2]), "container receipt"));
    EXPECT_TRUE(std::ranges::contains(troubles(node.members[2]), "300/300 uid"));
    EXPECT_EQ(overall(node), Verdict::kFail);
}

namespace {

const std::string kFirst(64, 'a');
const std::string kSecond(64, 'b');

class VerifyNode : public VerifyAssess {
  protected:
    VerifyNode() {
        std::filesystem::create_directories(directory / "with/run");
        put(directory / "with/run/stepdown.receipt", verify::write_receipt(a_receipt()));
    }

    static void own(const FakeProc& proc) {
        for (const pid_t pid : {1, 2}) {
            contain(proc, pid, "1", "/init.scope", "/");
        }
    }

    static Report scan(const FakeProc& proc) {
        return verify::assess_node(sys::real_kernel(), {.proc = proc.path(), .receipt = "auto", .pid = {}});
    }

    const std::string with = directory / "with";
};

} // namespace

TEST_F(VerifyNode, ContainersThatShareAPidNamespaceAreJudgedEach) {
    const FakeProc proc({a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(100, 100, 2),
                         a_thread(200, 200, 2), a_thread(201, 201, 100, root())});
    own(proc);
    contain(proc, 100, "7", "/docker/" + kFirst, with, 1);
    contain(proc, 200, "7", "/docker/" + kSecond, with, 8);
    contain(proc, 201, "7", "/docker/" + kSecond, with, 9); // orphaned: adopted by the first process of the namespace
    const Report node = scan(proc);
    ASSERT_EQ(node.members.size(), 2U);
    EXPECT_FALSE(std::ranges::contains(troubles(node.members[0]), "100/100 uid"));
    EXPECT_EQ(node.members[1].id, kSecond);
    EXPECT_TRUE(std::ranges::contains(troubles(node.members[1]), "201/201 uid"));
}

TEST_F(VerifyNode, AnOrphanInTheNodesPidNamespaceIsJudged) {
    const FakeProc proc(
        {a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(100, 100, 2), a_thread(101, 101, 1, root())});
    own(proc);
    contain(proc, 100, "1", "/docker/" + kFirst, with);
    contain(proc, 101, "1", "/docker/" + kFirst, with);
    const Report node = scan(proc);
    ASSERT_EQ(node.members.size(), 1U);
    EXPECT_TRUE(std::ranges::contains(troubles(node.members[0]), "101/101 uid"));
    EXPECT_EQ(node.members[0].subjects.at(1).thread.parent, 1);
}

TEST_F(VerifyNode, ANamespaceInAContainerIsTheContainers) {
    const FakeProc proc({a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(90, 90, 100, root()),
                         a_thread(100, 100, 2), a_thread(300, 300, 2, root())});
    own(proc);
    contain(proc, 100, "7", "/docker/" + kFirst, with, 1);
    contain(proc, 90, "8", "/docker/" + kFirst, with, 1, 500); // the number is low: they came round
    contain(proc, 300, "7", "/user.slice", with, 20);          // nsenter(1) changes no cgroup
    const Report node = scan(proc);
    ASSERT_EQ(node.members.size(), 1U);
    EXPECT_TRUE(std::ranges::contains(troubles(node.members[0]), "90/90 uid"));
    EXPECT_FALSE(std::ranges::contains(troubles(node.members[0]), "90/90 init.dumpable"));
    ASSERT_EQ(node.members[0].subjects.size(), 3U);
    EXPECT_EQ(node.members[0].subjects[2].role, Role::kForeign);
}

TEST_F(VerifyNode, ANodeThatIsAContainerItselfIsNoneOfItsOwn) {
    const FakeProc proc({a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(3, 3, 1, root()),
                         a_thread(100, 100, 3), a_thread(200, 200, 3)});
    for (const pid_t pid : {1, 2, 3}) {
        contain(proc, pid, "1", "/docker/" + kFirst, "/");
    }
    contain(proc, 100, "7", "/docker/" + kFirst, with, 1);
    contain(proc, 200, "1", "/docker/" + kFirst + "/docker/" + kSecond, with);
    const Report node = scan(proc);
    ASSERT_EQ(node.members.size(), 2U);
    EXPECT_EQ(node.members[0].id, "pid:[7]");
    EXPECT_EQ(node.members[1].id, kSecond);
}

TEST_F(VerifyNode, WhoCameLaterIsNotTheContainersFirstProcess) {
    Facts other = dropped();
    other.uid = all_four(10002);
    const FakeProc proc({a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(100, 100, 2, other),
                         a_thread(101, 101, 100, other), a_thread(102, 102, 2, root())});
    std::filesystem::create_directories(directory / "first");
    own(proc);
    contain(proc, 100, "1", "/docker/" + kFirst, directory / "first"); // it has the node's PID namespace
    contain(proc, 101, "9", "/docker/" + kFirst, with, 1);             // an app's sandbox, with a receipt of its own
    std::filesystem::remove(proc.path() + "/101/ns/user");
    std::filesystem::create_symlink("user:[9]", proc.path() + "/101/ns/user");
    contain(proc, 102, "9", "/docker/" + kFirst, with, 2); // whose other process has no parent in the container
    const Report node = scan(proc);
    ASSERT_EQ(node.members.size(), 1U);
    EXPECT_EQ(node.members[0].receipt, "");
    EXPECT_TRUE(std::ranges::contains(troubles(node.members[0]), "102/102 uid"));
}

TEST_F(VerifyNode, ContainersInTheCgroupOfWhoStartedThemAreToldApart) {
    const FakeProc proc({a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(100, 100, 2, root()),
                         a_thread(101, 101, 100), a_thread(102, 102, 100)});
    own(proc);
    contain(proc, 100, "1", "/docker/" + kFirst, "/"); // a monitor
    contain(proc, 101, "8", "/docker/" + kFirst, with, 1);
    contain(proc, 102, "9", "/docker/" + kFirst, with, 1);
    const Report node = scan(proc);
    ASSERT_EQ(node.members.size(), 3U);
    EXPECT_TRUE(std::ranges::contains(troubles(node.members[0]), "100/100 uid")) << "judged all the same";
    for (const std::size_t i : {1U, 2U}) {
        EXPECT_EQ(node.members[i].id, kFirst);
        EXPECT_EQ(node.members[i].receipt, "/run/stepdown.receipt");
        EXPECT_EQ(node.members[i].subjects.at(0).role, Role::kInit);
    }
}

TEST_F(VerifyNode, IdsOfAUserNamespaceAreThoseThatTheNodeSees) {
    Facts outside = dropped();
    outside.uid = all_four(110001);
    outside.gid = all_four(110001);
    const FakeProc proc({a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(100, 100, 2, outside)});
    own(proc);
    contain(proc, 100, "7", "/docker/" + kFirst, with, 1);
    put(proc.path() + "/100/uid_map", "         0     100000      65536\n");
    put(proc.path() + "/100/gid_map", "         0     100000      65536\n");
    const Report node = scan(proc);
    ASSERT_EQ(node.members.size(), 1U);
    for (const char* const check : {"uid", "gid"}) {
        EXPECT_EQ(find(node.members[0].subjects.at(0).findings, check).verdict, Verdict::kPass) << check;
    }
    EXPECT_EQ(find(node.members[0].container, "user_namespace").observed,
              "0 100000 65536; uid 10001 is uid 110001 outside");
}

TEST_F(VerifyNode, ANodeThatIsNotShownIsUnknown) {
    const auto verdict = [](const std::string& proc) {
        return overall(verify::assess_node(sys::real_kernel(), {.proc = proc, .receipt = "auto", .pid = {}}));
    };
    EXPECT_EQ(verdict("/no/such/proc"), Verdict::kUnknown);
    EXPECT_EQ(verdict(directory.path()), Verdict::kUnknown); // no proc at all
    const FakeProc hidden({a_thread(700, 700, 1)});
    contain(hidden, 700, "1", "/user.slice", "/");
    EXPECT_EQ(verdict(hidden.path()), Verdict::kUnknown);
    const FakeProc closed({a_thread(1, 1, 0, root()), a_thread(700, 700, 1)});
    contain(closed, 700, "1", "/user.slice", "/");
    const Report node = scan(closed);
    EXPECT_EQ(overall(node), Verdict::kUnknown);
    EXPECT_EQ(node.unreadable, 1U);
    const FakeProc idle({a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root())});
    own(idle);
    EXPECT_EQ(overall(scan(idle)), Verdict::kPass);
}

TEST_F(VerifyNode, AProcessThatCannotBeReadIsUnknownAndNotForeign) {
    const FakeProc proc(
        {a_thread(1, 1, 0, root()), a_thread(2, 2, 0, root()), a_thread(100, 100, 2), a_thread(101, 101, 100)});
    own(proc);
    contain(proc, 100, "7", "/docker/" + kFirst, with, 1);
    contain(proc, 101, "7", "/docker/" + kFirst, with, 2);
    std::filesystem::remove(proc.status_path(101, 101));
    std::filesystem::create_directory(proc.status_path(101, 101));
    EXPECT_TRUE(std::ranges::contains(troubles(scan(proc).members.at(0)), "101/101 status"));
}
