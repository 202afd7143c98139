#include <gtest/gtest.h>

#include "unit/verify_fixture.hpp"
#include "verify/receipt.hpp"
#include "verify/status.hpp"

using namespace stepdown;
using stepdown::testing::dropped;
using verify::parse_receipt;
using verify::Receipt;
using verify::write_receipt;

namespace {

Setting setting(std::string name, std::string value) {
    return {std::move(name), std::move(value), {SourceKind::kReceipt, {}}};
}

Receipt whole() {
    Receipt receipt;
    receipt.pid = 7;
    receipt.plan = std::string(64, 'a');
    receipt.wanted = dropped();
    receipt.wanted.securebits = 0xef;
    receipt.filters_before = 1;
    receipt.filter = {"default", std::string(64, 'b')};
    receipt.pid1_filter = std::string(64, 'c');
    receipt.settings = {setting("user", "app"), setting("own", "/data"), setting("own", "/var/lib/a=b")};
    return receipt;
}

std::string with(std::string_view line, std::string_view other) {
    std::string text = write_receipt(whole());
    const std::size_t at = text.find(line);
    EXPECT_NE(at, std::string::npos) << line << " in " << text;
    return text.replace(at, line.size(), other);
}

} // namespace

TEST(VerifyReceipt, IsWrittenInTheWordsOfProcPidStatus) {
    const std::string text = write_receipt(whole());
    EXPECT_EQ(text, "Stepdown:\t1\nPid:\t7\nInit:\tyes\nPlan:\t" + std::string(64, 'a') +
                        "\nUid:\t10001\t10001\t10001\t10001\nGid:\t10001\t10001\t10001\t10001\nGroups:\t\n"
                        "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
                        "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
                        "Seccomp_filters:\t2\nSecurebits:\tef\nFiltersBefore:\t1\nFilter:\tdefault " +
                        std::string(64, 'b') + "\nPid1Filter:\t" + std::string(64, 'c') +
                        "\nAllowRoot:\tno\nOption:\tuser=app\nOption:\town=/data\nOption:\town=/var/lib/a=b\n");
    EXPECT_EQ(verify::parse_status(text).facts, dropped());
}

TEST(VerifyReceipt, ReadsBackWhatItWrote) {
    for (const auto change :
         {+[](Receipt&) {}, +[](Receipt& receipt) { receipt.init = false; },
          +[](Receipt& receipt) { receipt.allow_root = true; }, +[](Receipt& receipt) { receipt.filter.reset(); },
          +[](Receipt& receipt) { receipt.filter->name = "/etc/my profile\\n.json"; },
          +[](Receipt& receipt) { receipt.emulation = {"full,-chroot", std::string(64, 'd')}; },
          +[](Receipt& receipt) { receipt.plan.clear(); }, +[](Receipt& receipt) { receipt.pid1_filter.clear(); },
          +[](Receipt& receipt) { receipt.filters_before.reset(); }, +[](Receipt& receipt) { receipt.wanted = {}; },
          +[](Receipt& receipt) { receipt.wanted.groups = {1, 2, 3}; },
          +[](Receipt& receipt) { receipt.wanted.capabilities->bounding = 0xa80425fb; },
          +[](Receipt& receipt) { receipt.settings.clear(); }}) {
        Receipt receipt = whole();
        change(receipt);
        const auto read = parse_receipt(write_receipt(receipt));
        ASSERT_TRUE(read) << read.error().line;
        EXPECT_EQ(*read, receipt);
    }
}

TEST(VerifyReceipt, NoValueCanForgeALine) {
    Receipt receipt = whole();
    for (const char* const value : {"x\nUid:\t0\t0\t0\t0", "\\n", "\\", "a\\\nb", "\n", "", "=", "tab\tand \x7f\x01"}) {
        receipt.settings = {setting("user", value)};
        const auto read = parse_receipt(write_receipt(receipt));
        ASSERT_TRUE(read) << read.error().line;
        EXPECT_EQ(*read, receipt) << value;
    }
}

TEST(VerifyReceipt, NewerWritersMayAddLinesButNotRaiseTheSchema) {
    const auto added = parse_receipt(with("Init:", "Landlock:\t7\nnonsense\n\nInit:"));
    ASSERT_TRUE(added) << added.error().line;
    EXPECT_EQ(*added, whole());
    const auto newer = parse_receipt(with("Stepdown:\t1", "Stepdown:\t2"));
    ASSERT_FALSE(newer);
    EXPECT_NE(newer.error().line.find("newer stepdown"), std::string::npos) << newer.error().line;
    EXPECT_EQ(newer.error().code, ExitCode::kVerify);
}

namespace {

struct Damage {
    const char* line;
    const char* other;
    const char* named; // what the error says of it
};

class VerifyReceiptDamage : public ::testing::TestWithParam<Damage> {};

} // namespace

TEST_P(VerifyReceiptDamage, IsRefusedAndNamed) {
    const auto read = parse_receipt(with(GetParam().line, GetParam().other));
    ASSERT_FALSE(read) << GetParam().other;
    EXPECT_NE(read.error().line.find(GetParam().named), std::string::npos) << read.error().line;
}

INSTANTIATE_TEST_SUITE_P(
    Lines, VerifyReceiptDamage,
    ::testing::Values(
        Damage{"Stepdown:\t1\n", "", "Stepdown"}, Damage{"Stepdown:\t1", "Stepdown:\t0", "Stepdown"},
        Damage{"Stepdown:\t1", "Stepdown:\tone", "Stepdown"},
        Damage{"Stepdown:\t1", "Stepdown:\t99999999999", "Stepdown"},
        Damage{"Stepdown:\t1", "Stepdown:\t1\nStepdown:\t1", "Stepdown is there twice"},
        Damage{"Pid:\t7\n", "", "Pid is missing"}, Damage{"Pid:\t7", "Pid:\t0", "Pid"},
        Damage{"Pid:\t7", "Pid:\t-7", "status"}, Damage{"Pid:\t7", "Pid:\t7\nPid:\t8", "status"},
        Damage{"Init:\tyes\n", "", "Init is missing"}, Damage{"Init:\tyes", "Init:\tYes", "Init"},
        Damage{"Init:\tyes", "Init:\tyes\nInit:\tno", "Init is there twice"},
        Damage{"Filter:\tdefault", "Filter:\t", "Filter"}, Damage{"Filter:\tdefault ", "Filter:\tdefault", "Filter"},
        Damage{"bbbb\n", "bbb\n", "Filter"}, Damage{"bbbb\n", "bbbB\n", "Filter"},
        Damage{"Plan:\ta", "Plan:\t", "Plan"}, Damage{"AllowRoot:\tno", "AllowRoot:\t1", "AllowRoot"},
        Damage{"Securebits:\tef", "Securebits:\t0xef", "Securebits"},
        Damage{"FiltersBefore:\t1", "FiltersBefore:\t", "FiltersBefore"}, Damage{"Uid:\t10001\t", "Uid:\t", "status"},
        Damage{"CapBnd:\t0", "CapBnd:\t", "status"}, Damage{"NoNewPrivs:\t1", "NoNewPrivs: 1", "status"},
        Damage{"NoNewPrivs:\t1", "NoNewPrivs:\t1\nNoNewPrivs:\t0", "status"},
        Damage{"Option:\tuser=app", "Option:\tuser", "Option"}, Damage{"Option:\tuser=app", "Option:\t=app", "Option"},
        Damage{"Option:\tuser=app", "Option:\tuser=a\\xpp", "Option"},
        Damage{"Option:\tuser=app", "Option:\tuser=app\\", "Option"},
        Damage{"Option:\town=/var/lib/a=b\n", "Option:\town=/var/lib/a=b", "cut off"}));

TEST(VerifyReceipt, NothingIsNoReceipt) {
    EXPECT_FALSE(parse_receipt(""));
    EXPECT_FALSE(parse_receipt("\n"));
    EXPECT_FALSE(parse_receipt("Stepdown:\t1\n"));
}
