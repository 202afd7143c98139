#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <seccomp.h>

#include "emulate/answers.hpp"

namespace stepdown::emulate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Source kFlag = {SourceKind::kFlag, "--emulate-root"};

TEST(EmulateGrammar, LevelsAndItemsReadBack) {
    for (const char* text : {"off", "ids", "full", "full,-chroot", "ids,-getid", "full,-chown,-chroot,-mlock"}) {
        const auto parsed = parse_emulation(text, kFlag);
        ASSERT_TRUE(parsed.has_value()) << parsed.error().line;
        EXPECT_EQ(to_text(*parsed), text);
    }
    const auto parsed = parse_emulation("full,-chroot", kFlag);
    EXPECT_EQ(parsed->level, Level::kFull);
    EXPECT_FALSE(parsed->has(Item::kChroot));
    EXPECT_TRUE(parsed->has(Item::kChown));
}

TEST(EmulateGrammar, EveryItemCanBeTakenOut) {
    for (std::size_t i = 0; i < kItems; ++i) {
        const auto item = static_cast<Item>(i);
        const auto parsed = parse_emulation("full,-" + std::string(name_of(item)), kFlag);
        ASSERT_TRUE(parsed.has_value()) << parsed.error().line;
        EXPECT_FALSE(parsed->has(item)) << name_of(item);
        for (const Row& row : table()) {
            EXPECT_EQ(how(row, *parsed), row.item == item ? How::kKernel : row.full) << row.name;
        }
    }
}

TEST(EmulateGrammar, ErrorsNameTheWordTheSourceAndWhatIsRight) {
    const struct {
        const char* text;
        const char* word;
        const char* remedy;
    } cases[] = {
        {"", "\"\" is not a level", "off, ids or full"},
        {"FULL", "\"FULL\" is not a level", "off, ids or full"},
        {" full", "\" full\" is not a level", "off, ids or full"},
        {",-chroot", "\"\" is not a level", "off, ids or full"},
        {"full,chroot", "\"chroot\" in \"full,chroot\"", "minus sign: full,-chroot"},
        {"full,", "\"\" in \"full,\"", "minus sign"},
        {"full,-", "\"-\" in", "getid, setid, setgroups, chown, mknod, capset, chroot"},
        {"full,-nosuch", "\"-nosuch\" in", "not an item of level full; those are: getid"},
        {"ids,-chroot", "\"-chroot\" in",
         "not an item of level ids; those are: getid, setid, setgroups, chown, mknod, capset"},
        {"off,-chroot", "\"-chroot\" in", "nothing can be taken out of off"},
        {"full,-chroot,-chroot", "\"-chroot\" in", "taken out twice"},
    };
    for (const auto& wrong : cases) {
        const auto parsed = parse_emulation(wrong.text, kFlag);
        ASSERT_FALSE(parsed.has_value()) << wrong.text;
        EXPECT_EQ(parsed.error().code, ExitCode::kUsage);
        EXPECT_THAT(parsed.error().line,
                    AllOf(StartsWith("--emulate-root: "), HasSubstr(wrong.word), HasSubstr(wrong.remedy)));
        EXPECT_EQ(parsed.error().line.find('\n'), std::string::npos);
    }
    EXPECT_THAT(parse_emulation("x", {SourceKind::kFile, "/etc/stepdown.toml:3"}).error().line,
                StartsWith("/etc/stepdown.toml:3: emulate-root: \"x\""));
}

TEST(EmulateTable, OffLeavesEveryCallAlone) {
    for (const Row& row : table()) {
        EXPECT_EQ(how(row, {}), How::kKernel) << row.name;
    }
}

TEST(EmulateTable, IdsNeedsNoNotification) {
    const Emulation ids{.level = Level::kIds, .removed = {}};
    for (const Row& row : table()) {
        EXPECT_NE(how(row, ids), How::kNotify) << row.name;
    }
}

TEST(EmulateTable, FullFakesAllThatIdsFakes) {
    for (const Row& row : table()) {
        EXPECT_TRUE(row.ids == How::kKernel || row.full != How::kKernel) << row.name;
    }
}

TEST(EmulateTable, EveryNotifiedRowHasItsCallAndNoOtherHas) {
    for (const Row& row : table()) {
        EXPECT_EQ(row.full == How::kNotify || row.owners, row.call != Call::kNone) << row.name;
        EXPECT_EQ((row.reads | row.writes) & ~0x3fU, 0U) << row.name;
        EXPECT_LT(row.when.argument, 6U) << row.name;
        EXPECT_EQ(row.when.value & ~row.when.mask, 0U) << row.name << ": can never be true";
    }
}

TEST(EmulateTable, OwnersAreAskedForOnlyWithTheirOption) {
    const Emulation full{.level = Level::kFull};
    const Emulation owners{.level = Level::kFull, .owners = true};
    for (const Row& row : table()) {
        EXPECT_EQ(how(row, full) != how(row, owners), row.owners) << row.name;
        EXPECT_TRUE(!row.owners || how(row, owners) == How::kNotify) << row.name;
    }
}

TEST(EmulateTable, RowsOfOneNameDifferInTheirArguments) {
    std::map<std::string_view, std::vector<const Row*>> by_name;
    for (const Row& row : table()) {
        by_name[row.name].push_back(&row);
    }
    for (const auto& [name, rows] : by_name) {
        for (const Row* row : rows) {
            EXPECT_EQ(std::ranges::count(rows, row->when, &Row::when), 1) << name;
            EXPECT_TRUE(rows.size() == 1 || row->when.mask != 0) << name << ": hides the other rows";
            EXPECT_EQ(row->item, rows.front()->item) << name;
        }
    }
}

TEST(EmulateTable, NamesAreSystemCalls) {
    for (const Row& row : table()) {
        EXPECT_NE(seccomp_syscall_resolve_name(std::string(row.name).c_str()), __NR_SCMP_ERROR) << row.name;
    }
}

} // namespace
} // namespace stepdown::emulate
