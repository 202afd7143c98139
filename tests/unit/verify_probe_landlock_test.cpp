#include <cerrno>

#include <gmock/gmock.h>

#include "verify/probe_landlock.hpp"

namespace stepdown::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;
using verify::Trial;

const std::vector<std::string> kState = {"/srv/state"};

TEST(VerifyProbeLandlock, KnowsWhatMayBeWritten) {
    const Landlock read_only{.read_only_root = true, .files = {{FileGrantKind::kWrite, "/data"}}};
    for (const char* path : {"/data", "/data/a", "/srv/state/a", "/tmp/a", "/dev/shm", "/dev/null"}) {
        EXPECT_TRUE(verify::lets_write(read_only, kState, path)) << path;
    }
    for (const char* path : {"/", "/database", "/srv", "/home/app", "/etc/passwd"}) {
        EXPECT_FALSE(verify::lets_write(read_only, kState, path)) << path;
    }
    const Landlock granted{.files = {{FileGrantKind::kRead, "/"}, {FileGrantKind::kWrite, "/data"}}};
    EXPECT_TRUE(verify::lets_write(granted, kState, "/data"));
    EXPECT_FALSE(verify::lets_write(granted, kState, "/srv/state")) << "that is --rootfs=ro's";
    EXPECT_FALSE(verify::lets_write(granted, kState, "/tmp"));
}

TEST(VerifyProbeLandlock, TriesWhatIsNotGrantedAndNothingElse) {
    EXPECT_THAT(verify::landlock_trials({}, kState, "/home/app", "name"), IsEmpty());
    EXPECT_THAT(verify::landlock_trials({.mode = LandlockMode::kOff, .read_only_root = true}, kState, "/", "name"),
                IsEmpty());
    const Landlock ports{.connect = {1, 2}, .bind = {61000}, .scope_abstract_sockets = true, .scope_signals = true};
    EXPECT_THAT(verify::landlock_trials(ports, kState, "/home/app", "name"),
                ElementsAre(Field(&Trial::port, 3), Field(&Trial::port, 61001),
                            AllOf(Field(&Trial::port, 3), Field(&Trial::protocol, 262)),
                            AllOf(Field(&Trial::port, 61001), Field(&Trial::protocol, 262)), Field(&Trial::port, 3),
                            Field(&Trial::target, "name"), Field(&Trial::id, "probe.landlock.signal")));
    const Landlock files{.files = {{FileGrantKind::kWrite, "/tmp"}, {FileGrantKind::kRead, "/proc"}}};
    const auto trials = verify::landlock_trials(files, kState, "/home/app", "");
    EXPECT_LE(trials.size(), verify::kMostTrials);
    EXPECT_THAT(trials, Contains(Field(&Trial::target, "/home/app")));
    EXPECT_THAT(trials, Contains(Field(&Trial::target, "/etc/passwd")));
    EXPECT_THAT(trials, Not(Contains(Field(&Trial::target, "/tmp"))));
    EXPECT_THAT(trials, Not(Contains(Field(&Trial::target, "/proc/version"))));
}

TEST(VerifyProbeLandlock, OnlyWhatSucceededBeforeTellsAnything) {
    const std::vector<Trial> trials = {{.id = "probe.landlock.write", .title = "write", .target = "/a"},
                                       {.id = "probe.landlock.write", .title = "write", .target = "/b"},
                                       {.id = "probe.landlock.read", .title = "read", .target = "/c"}};
    const auto verdicts = [&trials](std::array<int, 3> before, std::array<int, 3> after) {
        std::vector<Verdict> all;
        for (const Finding& finding : verify::trial_findings(trials, before, after)) {
            all.push_back(finding.verdict);
        }
        return all;
    };
    EXPECT_THAT(verdicts({EACCES, 0, 0}, {EACCES, EACCES, EACCES}), ElementsAre(Verdict::kPass, Verdict::kPass));
    EXPECT_THAT(verdicts({EACCES, ENOENT, 0}, {EACCES, ENOENT, 0}), ElementsAre(Verdict::kSkipped, Verdict::kFail));
    EXPECT_THAT(verdicts({0, 0, 0}, {EACCES, 0, EACCES}), ElementsAre(Verdict::kFail, Verdict::kPass));
    EXPECT_THAT(verdicts({0, 0, 0}, {0, EACCES, EACCES}), ElementsAre(Verdict::kFail, Verdict::kPass));
}

} // namespace
} // namespace stepdown::testing
