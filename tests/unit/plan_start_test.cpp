#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/words.hpp"
#include "drop/drop.hpp"
#include "golden/golden.hpp"
#include "plan/digest.hpp"
#include "plan/environment.hpp"
#include "plan/explain.hpp"
#include "plan/program.hpp"
#include "render/plan_json.hpp"
#include "render/plan_text.hpp"

namespace stepdown::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ProgramCandidates, ANameWithASlashIsTheOnlyOne) {
    EXPECT_THAT(program_candidates("/bin/true", "/usr/bin"), ElementsAre("/bin/true"));
    EXPECT_THAT(program_candidates("./true", "/usr/bin"), ElementsAre("./true"));
    EXPECT_THAT(program_candidates("bin/true", "/usr/bin"), ElementsAre("bin/true"));
}

TEST(ProgramCandidates, ANameIsLookedForInTheOrderOfPath) {
    EXPECT_THAT(program_candidates("x", "/a:/b/:/"), ElementsAre("/a/x", "/b/x", "/x"));
    EXPECT_THAT(program_candidates("x", ""), testing::SizeIs(6)) << "the default path";
}

TEST(ProgramCandidates, WhereTheAppHappensToBeIsNoPlaceToLook) {
    EXPECT_THAT(program_candidates("x", ":/a::.:bin:../b:/c:"), ElementsAre("/a/x", "/c/x"));
    EXPECT_THAT(program_candidates("x", "."), testing::IsEmpty());
}

std::vector<std::string> entries_of(const Environment& environment) {
    EXPECT_EQ(environment.entries.back(), nullptr);
    return {environment.entries.begin(), environment.entries.end() - 1};
}

TEST(AppEnvironment, TheUsersFourAreTheNewUsers) {
    const char* const old[] = {"PATH=/bin",    "HOME=/root", "A=1",     "USER=root", "HOME=/again",
                               "LOGNAME=root", "SHELL=/x",   "HOMES=2", nullptr};
    const Identity identity = {.uid = 1000, .gid = 1000, .user_name = "app", .home = "/home/app", .shell = "/bin/bash"};
    Environment moved = app_environment(old, identity);
    const Environment environment = std::move(moved);
    EXPECT_THAT(entries_of(environment), ElementsAre("PATH=/bin", "A=1", "HOMES=2", "HOME=/home/app", "USER=app",
                                                     "LOGNAME=app", "SHELL=/bin/bash"));
}

TEST(AppEnvironment, AUserWithoutANameHasItsNumber) {
    const char* const old[] = {nullptr};
    EXPECT_THAT(entries_of(app_environment(old, Identity{.uid = 12345, .gid = 12345, .user_name = {}})),
                ElementsAre("HOME=/", "USER=12345", "LOGNAME=12345", "SHELL=/bin/sh"));
}

TEST(AppEnvironment, NobodyNamedChangesNothing) {
    const char* const old[] = {"HOME=/root", "USER=root", "odd", nullptr};
    EXPECT_THAT(entries_of(app_environment(old, std::nullopt)), ElementsAre("HOME=/root", "USER=root", "odd"));
}

Plan example() {
    Plan plan;
    plan.command = {"nginx", "-g", "daemon off;"};
    plan.user_spec = "www-data";
    plan.identity =
        Identity{.uid = 33, .gid = 33, .user_name = "www-data", .home = "/var/www", .shell = "/usr/sbin/nologin"};
    plan.setup = {{SetupKind::kMakeDirectory, "/run/nginx", 0750}, {SetupKind::kOwn, "/var/lib/nginx", {}}};
    plan.settings = {{"user", "www-data", {SourceKind::kEnvironment, "STEPDOWN_USER"}},
                     {"mkdir", "/run/nginx:0750", {SourceKind::kFile, "/etc/stepdown.toml:3"}},
                     {"own", "/var/lib/nginx", {SourceKind::kFlag, "--own"}}};
    return plan;
}

TEST(CanonicalText, IsWhatChangesWhatIsTrue) {
    EXPECT_EQ(canonical_text(example()),
              "plan\t1\nuser\t33\ngroup\t33\nallow-root\tno\nmkdir\t/run/nginx:750\nown\t/var/lib/nginx\n"
              "setup-best-effort\tno\nseccomp\tdefault\ninit\tyes\n");
    Plan same = example();
    same.command = {"other"};
    same.log_level = LogLevel::kDebug;
    same.receipt = "/elsewhere";
    same.settings.clear();
    same.user_spec = "33:33";
    same.identity->user_name = "web";
    EXPECT_EQ(canonical_text(same), canonical_text(example()));
}

TEST(CanonicalText, DiffersWhereverThePlanDoes) {
    const auto differs = [](void (*change)(Plan&)) {
        Plan plan = example();
        change(plan);
        return canonical_text(plan) != canonical_text(example());
    };
    EXPECT_TRUE(differs([](Plan& plan) { plan.identity->uid = 34; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.identity->gid = 34; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.identity.reset(); }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.allow_root = true; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.setup.pop_back(); }));
    EXPECT_TRUE(differs([](Plan& plan) { std::swap(plan.setup[0], plan.setup[1]); }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.setup[0].mode = 0755; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.setup_best_effort = true; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.seccomp.profile = "off"; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.seccomp.lenient = true; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.seccomp.allow = {"@ptrace"}; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.seccomp.deny = {"@ptrace"}; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.landlock.read_only_root = true; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.landlock.files = {{FileGrantKind::kRead, "/"}}; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.landlock.connect = {80}; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.landlock.scope_signals = true; }));
    EXPECT_TRUE(differs([](Plan& plan) { plan.init = false; }));
}

TEST(Explain, TellsEveryRowOfTheStepDown) {
    for (const Plan& plan : {example(), Plan()}) {
        const auto steps = explain(plan);
        EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(steps, "drop", &PlanStep::stage)), drop::order().size());
    }
}

TEST(PlanOutput, IsAsWrittenDown) {
    Plan plan = example();
    plan.warnings = {"uid 33 is somebody's"};
    const auto options = cli::effective_settings(plan, cli::Command::kRun);
    expect_golden("plan.txt", render::plan_text(plan, explain(plan), options));
    expect_golden("plan.json", render::plan_json(plan, explain(plan), options));
}

TEST(Explain, TellsWhatTheAppIsLeft) {
    Plan plan = example();
    plan.seccomp.allow = {"@ptrace"};
    plan.seccomp.deny = {"mkdir", "socket:AF_INET6"};
    plan.landlock = {.mode = LandlockMode::kRequire,
                     .read_only_root = true,
                     .files = {{FileGrantKind::kExecute, "/usr"}, {FileGrantKind::kWrite, "/data"}},
                     .connect = {443, 80},
                     .scope_signals = true};
    const std::string text = render::plan_text(plan, explain(plan), {});
    EXPECT_THAT(text, HasSubstr("leave the app of files: read and execute /; write /tmp and other places"));
    EXPECT_THAT(text, HasSubstr("; write /data; execute /usr  # Landlock; a kernel that cannot ends the start"));
    EXPECT_THAT(text, HasSubstr("leave the app of TCP: connect to port 443, 80"));
    EXPECT_THAT(text, HasSubstr("leave the app of other processes: no signal"));
    EXPECT_THAT(text,
                HasSubstr("load the built-in system call filter, allowing @ptrace, refusing mkdir, socket:AF_INET6"));
}

TEST(PlanOutput, OfTheBarestPlan) {
    Plan plan;
    plan.init = false;
    plan.seccomp.profile = "off";
    plan.receipt = "off";
    const auto options = cli::effective_settings(plan, cli::Command::kRun);
    expect_golden("plan-bare.txt", render::plan_text(plan, explain(plan), options));
    expect_golden("plan-bare.json", render::plan_json(plan, explain(plan), options));
}

TEST(PlanOutput, HostileWordsStayOnTheirLine) {
    Plan plan;
    plan.command = {"a\nwarnings:\n\x1b[2J", "\xff"};
    const std::string text = render::plan_text(plan, explain(plan), {});
    EXPECT_THAT(text, HasSubstr("execute a\\x0awarnings:\\x0a\\x1b[2J \\xff"));
    EXPECT_THAT(render::plan_json(plan, explain(plan), {}), HasSubstr("a\\nwarnings:\\n\\u001b[2J"));
}

} // namespace
} // namespace stepdown::plan
