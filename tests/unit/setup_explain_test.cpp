#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include "setup/explain.hpp"
#include "setup/path.hpp"

namespace stepdown::setup {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kAll = ~std::uint64_t{0};

constexpr std::uint64_t all_but(int capability) { return kAll & ~(std::uint64_t{1} << capability); }

TEST(SetupExplain, NamesTheCapabilityThatIsMissing) {
    struct Case {
        Trouble trouble;
        int capability;
        const char* name;
    };
    const Case cases[] = {
        {{Act::kOwner, EPERM}, CAP_CHOWN, "CAP_CHOWN is missing"},
        {{Act::kMode, EPERM}, CAP_FOWNER, "CAP_FOWNER is missing"},
        {{Act::kRead, EACCES}, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE is missing"},
        {{Act::kEnter, EACCES}, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE is missing"},
        {{Act::kCreate, EACCES}, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE is missing"},
    };
    for (const Case& row : cases) {
        EXPECT_THAT(explain(row.trouble, "/data", all_but(row.capability), {}), HasSubstr(row.name));
        EXPECT_THAT(explain(row.trouble, "/data", kAll, {}), Not(HasSubstr("is missing"))) << row.name;
        EXPECT_EQ(missing_capability(row.trouble, kAll), "");
    }
}

TEST(SetupExplain, SaysWhatOnWhichPathWhyAndWhatToDo) {
    EXPECT_EQ(explain({Act::kOwner, EROFS}, "/data/x", kAll, {}),
              "cannot change the owner of /data/x: Read-only file system (fchownat): mount it read-write, leave the "
              "step out, or --own-allow=read-only");
    EXPECT_EQ(explain({Act::kOwner, EPERM}, "/data/x", all_but(CAP_CHOWN), {}),
              "cannot change the owner of /data/x: Operation not permitted (fchownat): CAP_CHOWN is missing: add it "
              "(docker run "
              "--cap-add=CHOWN), or let the step be skipped (--own-allow=no-chown, --setup-best-effort)");
    EXPECT_EQ(explain({Act::kEnter, ENOENT}, "/data", kAll, {}),
              "cannot enter /data: No such file or directory (openat2): it does not exist: create it first (--mkdir)");
    EXPECT_EQ(explain({Act::kOwner, 0, "reason"}, "/data", kAll, {}), "will not change the owner of /data: reason");
}

TEST(SetupExplain, TellsImmutableUnmappedAndRemoteApart) {
    const Trouble trouble{Act::kOwner, EPERM};
    EXPECT_THAT(explain(trouble, "/x", kAll, {.immutable = true}), HasSubstr("immutable"));
    EXPECT_THAT(explain(trouble, "/x", all_but(CAP_CHOWN), {.immutable = true}), HasSubstr("immutable"));
    EXPECT_THAT(explain(trouble, "/x", kAll, {.foreign_owner = true}), HasSubstr("user namespace"));
    EXPECT_THAT(explain(trouble, "/x", kAll, {}), HasSubstr("root_squash"));
    EXPECT_THAT(explain({Act::kOwner, EINVAL}, "/x", kAll, {}), HasSubstr("user namespace"));
    EXPECT_EQ(explain({Act::kWrite, EINVAL}, "/proc/sys/x", kAll, {}),
              "cannot write /proc/sys/x: Invalid argument (write)");
}

TEST(SetupExplain, KnowsWhenTheRestWillFailAlike) {
    EXPECT_TRUE(is_hopeless({Act::kOwner, EROFS}, kAll));
    EXPECT_TRUE(is_hopeless({Act::kOwner, EPERM}, all_but(CAP_CHOWN)));
    EXPECT_FALSE(is_hopeless({Act::kOwner, EPERM}, kAll));
    EXPECT_FALSE(is_hopeless({Act::kRead, EACCES}, 0));
    EXPECT_FALSE(is_hopeless({Act::kOwner, 0, "refused"}, 0));
}

TEST(SetupExplain, KeepsAHostilePathOnOneLine) {
    EXPECT_EQ(printable("/a\nstepdown: all is well\x1b[2J\t\\"), "/a\\nstepdown: all is well\\x1b[2J\\x09\\x5c");
    EXPECT_EQ(printable("/d\xc3\xa4ten"), "/d\xc3\xa4ten");
    const std::string cut = printable("/first" + std::string(100'000, 'd') + "/last");
    EXPECT_LT(cut.size(), 500U);
    EXPECT_THAT(cut, HasSubstr("/first"));
    EXPECT_TRUE(cut.ends_with("/last"));
}

TEST(SetupPath, SplitsAnAbsolutePath) {
    EXPECT_THAT(components("/run//app/./x/").value(), ElementsAre("run", "app", "x"));
    EXPECT_THAT(components("/a").value(), ElementsAre("a"));
    EXPECT_THAT(components("/...").value(), ElementsAre("..."));
}

TEST(SetupPath, RefusesWhatLeadsElsewhere) {
    using std::string_view_literals::operator""sv;
    for (const std::string_view path :
         {""sv, "data"sv, "./data"sv, "/"sv, "//./"sv, "/.."sv, "/data/../etc"sv, "/data/.."sv, "/da\0ta"sv}) {
        const auto names = components(path);
        ASSERT_FALSE(names.has_value()) << path;
        EXPECT_EQ(names.error().error, 0);
        EXPECT_FALSE(names.error().why.empty());
    }
}

} // namespace
} // namespace stepdown::setup
