#include <algorithm>
#include <cerrno>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include "unit/setup_run.hpp"

namespace stepdown::setup {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(SetupRun, NoStepsTouchNothing) {
    EXPECT_EQ(run({}), Outcome{});
    EXPECT_THAT(kernel_.calls, IsEmpty());
}

TEST_F(SetupRun, DoesTheStepsInTheOrderWritten) {
    make_file(path("f"));
    const auto done = run({mkdir("a/b"), own("f"), mkdir("a/b/c", 0700)});
    ASSERT_TRUE(done.has_value()) << done.error().line;
    EXPECT_EQ(done->changed, 4U); // a, a/b, f, a/b/c
    EXPECT_EQ(kernel_.owner_of(path("a")), kRoot);
    EXPECT_EQ(kernel_.owner_of(path("a/b")), kApp);
    EXPECT_EQ(kernel_.owner_of(path("f")), kApp);
    EXPECT_EQ(kernel_.owner_of(path("a/b/c")), kApp);
}

TEST_F(SetupRun, TheFirstFailureEndsItWithTheStagesCode) {
    make_file(path("later"));
    const auto done = run({own("absent"), own("later")});
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, ExitCode::kSetup);
    EXPECT_THAT(done.error().line, AllOf(HasSubstr("--own " + path("absent").string()), HasSubstr("No such file")));
    EXPECT_EQ(kernel_.owner_of(path("later")), kRoot);
}

TEST_F(SetupRun, BestEffortNamesWhatItSkippedAndGoesOn) {
    make_file(path("later"));
    const auto done = run({own("absent"), own("later")}, true);
    ASSERT_TRUE(done.has_value());
    EXPECT_THAT(done->skipped, ElementsAre(HasSubstr("No such file")));
    EXPECT_EQ(done->changed, 1U);
    EXPECT_EQ(kernel_.owner_of(path("later")), kApp);
}

TEST_F(SetupRun, BestEffortNamesAFewOfManyAndCountsTheRest) {
    fs::create_directory(path("d"));
    for (int i = 0; i < 50; ++i) {
        make_file(path("d") / std::to_string(i));
    }
    kernel_.refused = "change_owner_at";
    const auto done = run({own("d")}, true);
    ASSERT_TRUE(done.has_value());
    ASSERT_EQ(done->skipped.size(), 9U);
    EXPECT_THAT(done->skipped.back(), HasSubstr("43 more skipped")); // 50 files and the directory, less the eight named
    EXPECT_EQ(done->changed, 0U);
}

TEST_F(SetupRun, BestEffortStopsAStepThatIsHopeless) {
    fs::create_directory(path("d"));
    make_file(path("d/1"));
    make_file(path("d/2"));
    kernel_.refused = "change_owner_at";
    const auto done = run({own("d")}, true, kAll & ~(std::uint64_t{1} << CAP_CHOWN));
    ASSERT_TRUE(done.has_value());
    EXPECT_THAT(done->skipped, ElementsAre(HasSubstr("CAP_CHOWN is missing")));
    EXPECT_EQ(std::ranges::count(kernel_.calls, "change_owner_at "), 1);
}

TEST_F(SetupRun, ASecondRunChangesNothing) {
    fs::create_directories(path("d/e"));
    make_file(path("d/e/f"));
    const std::vector steps{mkdir("d", 0750), own("d")};
    ASSERT_EQ(run(steps).value().changed, 3U); // d, e, f
    kernel_.calls.clear();
    EXPECT_EQ(run(steps), Outcome{});
    EXPECT_THAT(kernel_.calls, Not(Contains(HasSubstr("change_"))));
}

TEST_F(SetupRun, DirectoriesComeAfterWhatIsInThem) {
    fs::create_directories(path("d/e"));
    make_file(path("d/e/f"));
    kernel_.refused = "change_owner_at";
    kernel_.error = EPERM;
    ASSERT_FALSE(run({own("d")}).has_value()); // at f
    kernel_.refused.clear();
    ASSERT_TRUE(run({own("d")}).has_value());
    EXPECT_EQ(kernel_.owners.size(), 3U);
}

TEST_F(SetupRun, AFileThatVanishesIsPassedOver) {
    fs::create_directory(path("d"));
    make_file(path("d/gone"));
    make_file(path("d/here"));
    kernel_.error = ENOENT;
    kernel_.refused_name = "gone";
    for (const auto& [call, mode] :
         {std::pair("stat_at", 0777), {"open_same_mount_at", 0777}, {"stat_same_mount_at", 0755}}) {
        fs::permissions(path("d"), fs::perms(mode));
        kernel_.refused = call;
        kernel_.owners.clear();
        kernel_.calls.clear();
        if (call == std::string_view("stat_at")) { // by which a file is looked at if the one before was as wanted
            ASSERT_TRUE(kernel_.change_owner_at(AT_FDCWD, path("d/here").c_str(), kApp.first, kApp.second));
        }
        const auto done = run({own("d")});
        ASSERT_TRUE(done.has_value()) << call << ": " << done.error().line;
        EXPECT_THAT(kernel_.calls, Contains(std::string(call) + " gone"));
        EXPECT_EQ(kernel_.owner_of(path("d/here")), kApp);
    }
}

TEST_F(SetupRun, AMountPointIsPassedOver) {
    fs::create_directories(path("d/volume/x"));
    kernel_.refused = "open_same_mount_at";
    kernel_.refused_name = "volume";
    kernel_.error = EXDEV;
    EXPECT_EQ(run({own("d")}).value().changed, 1U);
    EXPECT_EQ(kernel_.owner_of(path("d/volume")), kRoot);
}

TEST_F(SetupRun, AFileSystemThatOnlyPretendsIsFoundOut) {
    fs::create_directory(path("d"));
    kernel_.forgets_owners = true;
    EXPECT_THAT(run({own("d")}).error().line, HasSubstr("keeps another"));
    EXPECT_THAT(run({mkdir("d")}).error().line, HasSubstr("keeps another"));
}

TEST_F(SetupRun, AHardLinkIsGivenOnlyWhenItCannotBeRoots) {
    fs::create_directory(path("d"));
    make_file(path("d/f"));
    fs::create_hard_link(path("d/f"), path("outside"));
    EXPECT_THAT(run({own("d")}).error().line, AllOf(HasSubstr("d/f: "), HasSubstr("root's")));
    EXPECT_EQ(kernel_.owner_of(path("outside")), kRoot);

    struct stat found{};
    ASSERT_EQ(::stat(path("outside").c_str(), &found), 0);
    const InventedOwners::Owner user{2000, 2000};
    for (const char* const unsafe : {"0\n", ""}) {
        kernel_.hardlinks_sysctl = unsafe;
        kernel_.owners[found.st_ino] = user;
        EXPECT_THAT(run({own("d")}).error().line, HasSubstr("fs.protected_hardlinks"));
        EXPECT_EQ(kernel_.owner_of(path("outside")), user);
    }
    kernel_.hardlinks_sysctl = "1\n";
    EXPECT_TRUE(run({own("d")}).has_value());
    EXPECT_EQ(kernel_.owner_of(path("outside")), kApp);
}

TEST_F(SetupRun, AFileSwappedBetweenTheLookAndTheChangeIsLookedAtAgain) {
    fs::create_directory(path("d"));
    fs::permissions(path("d"), fs::perms(0777));
    make_file(path("d/f"));
    make_file(path("secret"));
    kernel_.meanwhile = [this](const std::string& call) {
        if (call == "open_same_mount_at f" && fs::remove(path("d/f"))) {
            fs::create_hard_link(path("secret"), path("d/f"));
        }
    };
    EXPECT_THAT(run({own("d")}).error().line, HasSubstr("hard links"));
    EXPECT_EQ(kernel_.owner_of(path("secret")), kRoot);
}

TEST_F(SetupRun, ADirectorySwappedForALinkIsGivenAsALink) {
    fs::create_directories(path("d/e"));
    fs::create_directories(path("outside/x"));
    kernel_.meanwhile = [this](const std::string& call) {
        if (call == "open_same_mount_at e" && fs::is_directory(fs::symlink_status(path("d/e")))) {
            fs::remove(path("d/e"));
            fs::create_directory_symlink(path("outside"), path("d/e"));
        }
    };
    EXPECT_EQ(run({own("d")}).value().changed, 2U);
    EXPECT_EQ(kernel_.owner_of(path("d/e")), kApp);
    EXPECT_EQ(kernel_.owner_of(path("outside")), kRoot);
    EXPECT_EQ(kernel_.owner_of(path("outside/x")), kRoot);
}

// The way back to levels that were set aside is "..": a tree moved meanwhile must not lead up into another place.
TEST_F(SetupRun, ADeepTreeMovedDuringTheWalkEndsIt) {
    fs::create_directory(path("elsewhere"));
    fs::path deepest = path("tree/m");
    for (int level = 0; level < 200; ++level) {
        deepest /= "d";
    }
    fs::create_directories(deepest);
    kernel_.meanwhile = [this](const std::string& call) {
        if (call == "change_owner_at " && kernel_.owners.empty()) {
            fs::rename(path("tree/m/d"), path("elsewhere/d"));
        }
    };
    for (const bool best_effort : {false, true}) {
        const auto done = run({own("tree")}, best_effort);
        EXPECT_EQ(done.has_value(), best_effort);
        EXPECT_THAT(best_effort ? done->skipped.at(0) : done.error().line, HasSubstr("moved while root worked in it"));
        EXPECT_EQ(kernel_.owner_of(path("elsewhere")), kRoot);
        EXPECT_EQ(kernel_.owner_of(folder_.path()), kRoot);
        EXPECT_EQ(kernel_.owner_of(path("tree/m")), kRoot);
        fs::rename(path("elsewhere/d"), path("tree/m/d"));
        kernel_.owners.clear();
    }
}

// Every call that the steps make, refused one at a time: the start ends there, and the line has the errno in words.
TEST_F(SetupRun, EveryRefusedCallEndsTheStart) {
    kernel_.error = EIO;
    for (std::size_t nth = 1;; ++nth) {
        fs::remove_all(path("d"));
        fs::remove_all(path("new"));
        fs::create_directories(path("d/e"));
        for (const char* const name : {"d", "d/e"}) { // else what fails by name is tried by descriptor
            fs::permissions(path(name), fs::perms(0777));
        }
        make_file(path("d/e/f"));
        kernel_.owners.clear();
        kernel_.calls.clear();
        kernel_.refused_nth = nth;
        const auto done = run({mkdir("new/x", 0750), own("d")});
        if (kernel_.calls.size() < nth) {
            EXPECT_TRUE(done.has_value());
            EXPECT_GT(nth, 30U);
            break;
        }
        ASSERT_FALSE(done.has_value()) << kernel_.calls.back();
        EXPECT_EQ(kernel_.calls.size(), nth) << "went on after " << kernel_.calls[nth - 1];
        EXPECT_EQ(done.error().code, ExitCode::kSetup);
        EXPECT_THAT(done.error().line, HasSubstr(std::strerror(EIO))) << kernel_.calls.back();
    }
}

TEST_F(SetupRun, ADefaultModeDoesNotWidenWhatIsThere) {
    fs::create_directory(path("pgdata"));
    fs::permissions(path("pgdata"), fs::perms(0700));
    ASSERT_TRUE(run({mkdir("pgdata")}).has_value());
    EXPECT_EQ(fs::status(path("pgdata")).permissions(), fs::perms(0700));
    ASSERT_TRUE(run({mkdir("pgdata", 0750)}).has_value());
    EXPECT_EQ(fs::status(path("pgdata")).permissions(), fs::perms(0750));
}

} // namespace
} // namespace stepdown::setup
