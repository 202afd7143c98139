#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "unit/setup_run.hpp"

namespace stepdown::setup {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

// What is as it was but for owners, in a directory where names cannot be swapped: two calls.
class SetupRunHeld : public SetupRun {
  protected:
    SetupRunHeld() {
        fs::create_directory(path("d"));
        fs::permissions(path("d"), fs::perms(0755));
        make_file(path("d/f"));
        make_file(path("d/g"));
    }

    // Which calls were about f or g.
    std::vector<std::string> calls_by_name() const {
        std::vector<std::string> named;
        std::ranges::copy_if(kernel_.calls, std::back_inserter(named),
                             [](const std::string& call) { return call.ends_with(" f") || call.ends_with(" g"); });
        return named;
    }

    InventedOwners::Owner& owner_in_kernel(const fs::path& name) {
        struct stat found{};
        EXPECT_EQ(::stat(name.c_str(), &found), 0);
        return kernel_.owners[found.st_ino];
    }

    const InventedOwners::Owner user_{2000, 2000};
    const std::vector<std::string> twice_ = {"stat_same_mount_at f", "change_owner_at f", "stat_same_mount_at g",
                                             "change_owner_at g"};
};

TEST_F(SetupRunHeld, InRootsDirectoryAFileIsGivenByItsName) {
    EXPECT_EQ(run({own("d")}).value().changed, 3U);
    EXPECT_THAT(calls_by_name(), IsSupersetOf(twice_));
    EXPECT_THAT(kernel_.calls, Not(Contains(HasSubstr("open_same_mount_at"))));
    EXPECT_EQ(kernel_.owner_of(path("d/f")), kApp);
    EXPECT_EQ(kernel_.owner_of(path("d")), kApp);
}

TEST_F(SetupRunHeld, AUsersDirectoryThatChangesHandsIsRootsInBetween) {
    owner_in_kernel(path("d")) = user_;
    std::vector<InventedOwners::Owner> seen;
    kernel_.meanwhile = [&](const std::string& call) {
        if (call == "stat_same_mount_at f" || call == "stat_same_mount_at g") {
            seen.push_back(owner_in_kernel(path("d")));
        }
    };
    EXPECT_EQ(run({own("d")}).value().changed, 3U);
    EXPECT_THAT(seen, ElementsAre(std::pair(0, 2000), std::pair(0, 2000)));
    EXPECT_THAT(calls_by_name(), IsSupersetOf(twice_));
    EXPECT_EQ(kernel_.owner_of(path("d")), kApp);
}

TEST_F(SetupRunHeld, TheAppsOwnDirectoryIsNotTakenFromIt) {
    owner_in_kernel(path("d")) = kApp;
    ASSERT_TRUE(run({own("d")}).has_value());
    EXPECT_THAT(calls_by_name(), IsSupersetOf({"open_same_mount_at f", "open_same_mount_at g"}));
    EXPECT_THAT(calls_by_name(), Not(Contains(HasSubstr("change_owner_at"))));
    EXPECT_EQ(std::ranges::count(kernel_.calls, "change_owner_at "), 2); // f, g
}

TEST_F(SetupRunHeld, WhereOthersMayWriteNamesAreNotTrusted) {
    for (const auto mode : {0775, 0757, 01777}) {
        fs::permissions(path("d"), fs::perms(mode));
        for (const auto& owner : {kRoot, user_}) {
            kernel_.owners.clear();
            owner_in_kernel(path("d")) = owner;
            kernel_.calls.clear();
            ASSERT_TRUE(run({own("d")}).has_value());
            EXPECT_THAT(calls_by_name(), Not(Contains(HasSubstr("change_owner_at"))));
            EXPECT_EQ(std::ranges::count(kernel_.calls, "change_owner_at "), 3);
            EXPECT_EQ(kernel_.owner_of(path("d/f")), kApp);
        }
    }
}

TEST_F(SetupRunHeld, NorWhereTheDirectoryCannotBeTaken) {
    owner_in_kernel(path("d")) = user_;
    kernel_.refused = "change_owner_at";
    kernel_.meanwhile = [this](const std::string& call) {
        if (call == "change_owner_at ") { // the first one is refused already
            kernel_.refused.clear();
        }
    };
    ASSERT_TRUE(run({own("d")}).has_value());
    EXPECT_THAT(calls_by_name(), Not(Contains(HasSubstr("change_owner_at"))));
    EXPECT_EQ(kernel_.owner_of(path("d/f")), kApp);

    kernel_.meanwhile = {};
    kernel_.refused.clear();
    kernel_.owners.clear();
    kernel_.calls.clear();
    owner_in_kernel(path("d")) = user_;
    kernel_.forgets_owners = true;
    EXPECT_THAT(run({own("d")}).error().line, HasSubstr("keeps another"));
    EXPECT_THAT(calls_by_name(), Not(Contains(HasSubstr("change_owner_at"))));
}

TEST_F(SetupRunHeld, AMountedFileIsPassedOver) {
    kernel_.refused = "stat_same_mount_at";
    kernel_.refused_name = "f";
    kernel_.error = EXDEV;
    EXPECT_EQ(run({own("d")}).value().changed, 2U);
    EXPECT_EQ(kernel_.owner_of(path("d/f")), kRoot);
}

TEST_F(SetupRunHeld, AnOldKernelThatCannotTellMountsIsAskedByDescriptor) {
    kernel_.refused = "stat_same_mount_at";
    kernel_.error = ENOSYS;
    EXPECT_EQ(run({own("d")}).value().changed, 3U);
    EXPECT_THAT(calls_by_name(), IsSupersetOf({"open_same_mount_at f", "open_same_mount_at g"}));
    EXPECT_THAT(calls_by_name(), Not(Contains(HasSubstr("change_owner_at"))));
}

TEST_F(SetupRunHeld, ARefusedCallByNameEndsTheStart) {
    for (const char* const call : {"stat_same_mount_at", "change_owner_at"}) {
        kernel_.owners.clear();
        kernel_.refused = call;
        kernel_.error = EIO;
        EXPECT_THAT(run({own("d")}).error().line, HasSubstr(std::strerror(EIO)));
        EXPECT_TRUE(kernel_.owners.empty());
    }
}

} // namespace
} // namespace stepdown::setup
