#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/validate.hpp"

namespace stepdown::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Plan plan_of(uid_t uid, gid_t gid, std::string name = {}) {
    Plan plan;
    plan.command = {"true"};
    plan.user_spec = "app";
    plan.settings = {{"user", "app", {SourceKind::kFile, "/etc/stepdown.toml:2"}}};
    plan.identity = Identity{.uid = uid, .gid = gid, .user_name = std::move(name)};
    return plan;
}

std::string refused(Plan plan) {
    const auto checked = check(plan);
    return checked ? std::string() : checked.error().line;
}

std::vector<std::string> warned(Plan plan) {
    EXPECT_TRUE(check(plan));
    return plan.warnings;
}

TEST(Check, RefusesRootUnlessItIsWritten) {
    EXPECT_EQ(refused(plan_of(0, 1000)),
              "/etc/stepdown.toml:2: user: \"app\" is uid 0: name another, or write --allow-root if it must be");
    EXPECT_THAT(refused(plan_of(1000, 0)), HasSubstr("\"app\" is gid 0"));
    EXPECT_THAT(refused(plan_of(0, 0)), HasSubstr("\"app\" is uid 0"));
    Plan allowed = plan_of(0, 0);
    allowed.allow_root = true;
    EXPECT_EQ(refused(allowed), "");
}

TEST(Check, RootAsItIsIsNotConfinedAndSaysSo) {
    Plan plan = plan_of(0, 0);
    plan.allow_root = plan.as_is = plan.callers_gid = true;
    plan.seccomp.profile = "off";
    EXPECT_EQ(refused(plan), "");
    plan.settings.push_back({"seccomp", "default", {SourceKind::kEnvironment, "STEPDOWN_SECCOMP"}});
    plan.seccomp.profile = "default";
    EXPECT_EQ(refused(plan), "STEPDOWN_SECCOMP: root keeps all it has here and is not confined: leave it out, "
                             "or name another user");
    plan.callers_gid = false; // tini, with nothing said
    EXPECT_EQ(refused(plan), "");
}

TEST(Check, ADescriptorIsForOneThing) {
    Plan plan = plan_of(10001, 10001);
    plan.settings.push_back({"ready", "fd:4", {SourceKind::kFlag, "--ready"}});
    plan.supervision.ready = {.kind = Readiness::Kind::kDescriptor, .number = 4, .path = {}};
    plan.process.keep_fds = {5};
    plan.sockets.resize(1);
    EXPECT_EQ(refused(plan), "");
    plan.sockets.resize(2);
    EXPECT_EQ(refused(plan), "--ready: the app has something else as descriptor 4, by --listen: choose another");
    plan.sockets.clear();
    plan.process.keep_fds = {4, 5};
    EXPECT_EQ(refused(plan), "--ready: the app has something else as descriptor 4, by --keep-fd: choose another");
}

TEST(Check, WhatPid1IsAskedForMustBePossible) {
    Plan plan = plan_of(10001, 10001);
    plan.supervision.forking = true;
    EXPECT_EQ(refused(plan), "");
    plan.supervision.kill_on_orphan = true;
    EXPECT_THAT(refused(plan), HasSubstr("only the app's first process would be killed"));

    plan.supervision = {};
    plan.landlock.scope_abstract_sockets = true;
    EXPECT_EQ(refused(plan), "");
    plan.supervision.watchdog = std::chrono::seconds(1);
    EXPECT_THAT(refused(plan), HasSubstr("keeps the app from NOTIFY_SOCKET"));
    plan.supervision = {};
    plan.supervision.ready.kind = Readiness::Kind::kNotify;
    EXPECT_THAT(refused(plan), HasSubstr("keeps the app from NOTIFY_SOCKET"));
    plan.landlock.mode = LandlockMode::kOff;
    EXPECT_EQ(refused(plan), "");
}

TEST(Check, EmulationThatCannotBeOrIsInVain) {
    Plan plan = plan_of(10001, 10001);
    plan.settings.push_back({"emulate-root", "full", {SourceKind::kFlag, "--emulate-root"}});
    plan.emulate_root = "full,-chroot";
    EXPECT_EQ(refused(plan), "");
    plan.init = false;
    EXPECT_THAT(refused(plan), HasSubstr("--emulate-root: full needs PID 1 to answer"));
    plan.emulate_root = "ids";
    EXPECT_EQ(refused(plan), "");
    plan.emulate_owners = true;
    EXPECT_THAT(refused(plan), HasSubstr("only with --emulate-root=full"));
    plan.emulate_owners = false;
    for (const char* program : {"postgres", "/usr/sbin/mariadbd", "memcached"}) {
        plan.command = {program};
        EXPECT_THAT(warned(plan), ElementsAre(HasSubstr(" refuses to be root: leave this out"))) << program;
    }
    plan.emulate_root = "off";
    EXPECT_THAT(warned(plan), IsEmpty());
}

TEST(Check, AUserThatWasNeverResolvedIsOurFault) {
    Plan plan = plan_of(1000, 1000);
    plan.identity.reset();
    EXPECT_EQ(check(plan).error().code, ExitCode::kInternal);
}

TEST(Check, RefusesPathsThatCouldMeanAnother) {
    for (const char* path : {"", "data", "/", "/a/", "/a//b", "/a/./b", "/a/..", "/a\nb"}) {
        Plan plan = plan_of(1000, 1000);
        plan.setup = {{SetupKind::kOwn, path, {}}};
        EXPECT_THAT(refused(plan), HasSubstr("\"" + std::string(path) + "\" ")) << path;
    }
    Plan plan = plan_of(1000, 1000);
    plan.setup = {{SetupKind::kMakeDirectory, "/run/...", 07777}, {SetupKind::kOwn, "/a b/.c", {}}};
    EXPECT_EQ(refused(plan), "");
    plan.setup[0].mode = 010000;
    EXPECT_THAT(refused(plan), HasSubstr("mode above 7777"));
}

TEST(Check, OwnershipNeedsAnOwner) {
    Plan plan;
    plan.command = {"true"};
    plan.settings = {{"own", "/data", {SourceKind::kFlag, "--own"}}};
    plan.setup = {{SetupKind::kOwn, "/data", {}}};
    EXPECT_EQ(refused(plan), "--own: \"/data\" cannot be given to the app's user: no user named; add --user=USER");
}

TEST(Check, AnEmptyCommandWordIsRefused) {
    Plan plan;
    plan.command = {""};
    EXPECT_THAT(refused(plan), HasSubstr("empty word"));
    plan.command.clear();
    EXPECT_EQ(refused(plan), "") << "an image's build has no command to name";
}

TEST(Check, WarnsOfIdsThatAreSomebodyElses) {
    EXPECT_THAT(warned(plan_of(33, 33)),
                ElementsAre(HasSubstr("uid 33 is below 1000 and no system account of this image")));
    EXPECT_THAT(warned(plan_of(33, 33, "www-data")), IsEmpty());
    EXPECT_THAT(warned(plan_of(999, 999, "postgres")), IsEmpty());
    EXPECT_THAT(warned(plan_of(1000, 1000, "app")),
                ElementsAre(HasSubstr("uid 1000 is likely to be a person's on the host")));
    EXPECT_THAT(warned(plan_of(9999, 9999)), ElementsAre(HasSubstr("10000 or more")));
    EXPECT_THAT(warned(plan_of(10000, 10000)), IsEmpty());
    EXPECT_THAT(warned(plan_of(65534, 65534, "nobody")), IsEmpty());
    Plan unnamed;
    unnamed.command = {"true"};
    EXPECT_THAT(warned(unnamed), IsEmpty());
}

} // namespace
} // namespace stepdown::plan
