#include <linux/capability.h>
#include <sys/syscall.h>

#include "kernel/setup_tree.hpp"

namespace stepdown::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

// The calling process goes on without these; returns what is effective then.
std::uint64_t give_up_effective(std::uint64_t without) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2]{};
    EXPECT_EQ(::syscall(SYS_capget, &header, data), 0);
    data[0].effective &= ~static_cast<std::uint32_t>(without);
    data[1].effective &= ~static_cast<std::uint32_t>(without >> 32);
    EXPECT_EQ(::syscall(SYS_capset, &header, data), 0);
    return data[0].effective | std::uint64_t{data[1].effective} << 32;
}

void bind_mount(const fs::path& what, const fs::path& where) {
    ASSERT_EQ(::mount(what.c_str(), where.c_str(), nullptr, MS_BIND, nullptr), 0) << std::strerror(errno);
}

class SetupOwnMounts : public SetupTree {};

TEST_F(SetupOwnMounts, WhatIsMountedInsideIsLeftAlone) {
    for (const char* const name : {"tmpfs", "bind"}) {
        fs::create_directory(tree() / name);
    }
    write_file(tree() / "config");
    in_a_mount_namespace([this] {
        ASSERT_EQ(::mount("none", (tree() / "tmpfs").c_str(), "tmpfs", 0, nullptr), 0) << std::strerror(errno);
        write_file(tree() / "tmpfs/file");
        // The same file system, so that its device number tells nothing: Docker's volumes are often so.
        bind_mount(outside(), tree() / "bind");
        bind_mount(outside() / "secret", tree() / "config");
        const auto done = own();
        ASSERT_TRUE(done.has_value()) << done.error().line;
        EXPECT_EQ(done->changed, 1U); // the top
        for (const char* const name : {"tmpfs", "tmpfs/file", "bind", "bind/secret", "config"}) {
            EXPECT_TRUE(is_roots(tree() / name)) << name;
        }
    });
}

TEST_F(SetupOwnMounts, AMountPointAsTheTopIsWhatWasAskedFor) {
    fs::create_directory(tree() / "volume");
    in_a_mount_namespace([this] {
        ASSERT_EQ(::mount("none", (tree() / "volume").c_str(), "tmpfs", 0, nullptr), 0) << std::strerror(errno);
        write_file(tree() / "volume/file");
        ASSERT_TRUE(run({own_step(tree() / "volume")}).has_value());
        EXPECT_TRUE(is_apps(tree() / "volume/file"));
    });
}

TEST_F(SetupOwnMounts, NamesAReadOnlyFileSystem) {
    for (int i = 0; i < 20; ++i) {
        write_file(tree() / std::to_string(i));
    }
    in_a_mount_namespace([this] {
        bind_mount(tree(), tree());
        ASSERT_EQ(::mount(nullptr, tree().c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
        const auto done = own();
        ASSERT_FALSE(done.has_value());
        EXPECT_THAT(done.error().line, AllOf(HasSubstr("Read-only file system"), HasSubstr("mount it read-write")));
        const auto best = own(true);
        ASSERT_TRUE(best.has_value());
        EXPECT_THAT(best->skipped, ElementsAre(HasSubstr("Read-only file system")));
        const auto made = run({{SetupKind::kMakeDirectory, tree() / "new", {}}});
        ASSERT_FALSE(made.has_value());
        EXPECT_THAT(made.error().line, HasSubstr("Read-only file system"));
    });
}

TEST_F(SetupOwnMounts, AReadOnlyFileSystemThatIsAsWantedIsNoFailure) {
    ASSERT_TRUE(own().has_value());
    in_a_mount_namespace([this] {
        bind_mount(tree(), tree());
        ASSERT_EQ(::mount(nullptr, tree().c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
        const auto done = run({{SetupKind::kMakeDirectory, tree(), {}}, own_step(tree())});
        ASSERT_TRUE(done.has_value()) << done.error().line;
        EXPECT_EQ(*done, setup::Outcome{});
    });
}

TEST_F(SetupOwnMounts, NamesTheCapabilityThatIsMissing) {
    write_file(tree() / "file");
    in_a_child([this] {
        const std::uint64_t effective = give_up_effective(bit(CAP_CHOWN));
        const auto done = run({own_step(tree())}, false, effective);
        ASSERT_FALSE(done.has_value());
        EXPECT_THAT(done.error().line, AllOf(HasSubstr("Operation not permitted"), HasSubstr("CAP_CHOWN is missing")));
        const auto best = run({own_step(tree())}, true, effective);
        ASSERT_TRUE(best.has_value());
        EXPECT_THAT(best->skipped, SizeIs(1));
    });
    EXPECT_TRUE(is_roots(tree() / "file"));
    fs::create_directory(tree() / "closed");
    ASSERT_EQ(::chmod((tree() / "closed").c_str(), 0700), 0);
    ASSERT_EQ(::chown((tree() / "closed").c_str(), 2000, 2000), 0);
    in_a_child([this] {
        const std::uint64_t effective = give_up_effective(bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH));
        const auto done = run({own_step(tree())}, false, effective);
        ASSERT_FALSE(done.has_value());
        EXPECT_THAT(done.error().line, AllOf(HasSubstr("Permission denied"), HasSubstr("CAP_DAC_OVERRIDE is missing"),
                                             HasSubstr((tree() / "closed").string())));
    });
    in_a_child([this] {
        const std::uint64_t effective = give_up_effective(bit(CAP_FOWNER));
        const auto done = run({{SetupKind::kMakeDirectory, tree() / "closed", 0755}}, false, effective);
        ASSERT_FALSE(done.has_value());
        EXPECT_THAT(done.error().line, HasSubstr("CAP_FOWNER is missing"));
    });
}

TEST_F(SetupOwnMounts, AnUnprivilegedStartNeedsNothingWhereAllIsAsWanted) {
    write_file(tree() / "file");
    ASSERT_TRUE(own().has_value());
    ASSERT_EQ(::chmod(base().c_str(), 0755), 0);
    in_a_child([this] {
        ASSERT_EQ(::setgid(kAppGid), 0);
        ASSERT_EQ(::setuid(kAppUid), 0);
        const auto done = run({{SetupKind::kMakeDirectory, tree() / "own", 0700}, own_step(tree())}, false, 0);
        ASSERT_TRUE(done.has_value()) << done.error().line;
        EXPECT_EQ(done->changed, 1U);
        const auto refused = run({own_step(outside())}, false, 0);
        ASSERT_FALSE(refused.has_value());
        EXPECT_THAT(refused.error().line, HasSubstr("is missing"));
    });
}

} // namespace
} // namespace stepdown::testing
