#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "sys/kernel.hpp"
#include "unit/verify_fixture.hpp"
#include "verify/receipt_file.hpp"

using namespace stepdown;
using stepdown::testing::get;
using stepdown::testing::put;
using stepdown::testing::TemporaryDirectory;
using verify::find_receipt;
using verify::ReceiptFile;
using verify::write_receipt_file;

namespace {

constexpr const char* kText = "Stepdown:\t1\nPid:\t1\nInit:\tyes\nFilter:\toff\nOption:\tuser=app\n";

mode_t mode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

class VerifyReceiptFile : public ::testing::Test {
  protected:
    Result<std::string> write(std::string_view where) { return write_receipt_file(kernel, kText, where); }

    void expect_refused(std::string_view where, std::string_view why) {
        const auto written = write(where);
        ASSERT_FALSE(written) << where;
        EXPECT_EQ(written.error().code, ExitCode::kSetup);
        EXPECT_NE(written.error().line.find(why), std::string::npos) << written.error().line;
    }

    std::vector<std::string> names_in(const std::string& path) {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            names.push_back(entry.path().filename().string());
        }
        return names;
    }

    sys::Kernel& kernel = sys::real_kernel();
    TemporaryDirectory directory;
    const std::string place = directory / "stepdown/receipt";
};

} // namespace

TEST_F(VerifyReceiptFile, IsWrittenForAllToReadAndNobodyToChange) {
    const mode_t umask = ::umask(077);
    const auto written = write(place);
    ::umask(umask);
    ASSERT_TRUE(written) << written.error().line;
    EXPECT_EQ(*written, place);
    EXPECT_EQ(get(place), kText);
    EXPECT_EQ(mode_of(place), 0444U);
    EXPECT_EQ(mode_of(directory / "stepdown"), 0755U);
    EXPECT_EQ(names_in(directory / "stepdown"), std::vector<std::string>{"receipt"});
}

TEST_F(VerifyReceiptFile, ReplacesTheOneOfTheLastStart) {
    put(place, "old");
    ASSERT_TRUE(write(place));
    ASSERT_TRUE(write(place));
    EXPECT_EQ(get(place), kText);
    EXPECT_EQ(names_in(directory / "stepdown"), std::vector<std::string>{"receipt"});
}

TEST_F(VerifyReceiptFile, ReplacesALinkWithoutFollowingIt) {
    put(directory / "victim", "kept");
    std::filesystem::create_directory(directory / "stepdown");
    std::filesystem::create_symlink(directory / "victim", place);
    ASSERT_TRUE(write(place));
    EXPECT_EQ(get(directory / "victim"), "kept");
    EXPECT_FALSE(std::filesystem::is_symlink(place));
}

TEST_F(VerifyReceiptFile, DoesNotGoThroughALink) {
    std::filesystem::create_directory(directory / "elsewhere");
    std::filesystem::create_symlink(directory / "elsewhere", directory / "stepdown");
    expect_refused(place, std::strerror(ELOOP));
    EXPECT_EQ(names_in(directory / "elsewhere"), std::vector<std::string>{});
    std::filesystem::create_directory(directory / "elsewhere/below");
    expect_refused(directory / "stepdown/below/receipt", std::strerror(ELOOP));
}

TEST_F(VerifyReceiptFile, DoesNotUseADirectoryThatOthersMayWriteTo) {
    for (const mode_t mode : {0775U, 0757U, 01777U}) {
        std::filesystem::create_directory(directory / "stepdown");
        ASSERT_EQ(::chmod((directory / "stepdown").c_str(), mode), 0);
        expect_refused(place, "others may write to it");
        EXPECT_EQ(names_in(directory / "stepdown"), std::vector<std::string>{});
    }
}

TEST_F(VerifyReceiptFile, SaysWhyItCannot) {
    expect_refused("relative/receipt", "absolute path");
    expect_refused("/", "absolute path");
    expect_refused(directory / "no/such/receipt", "No such file");
    put(directory / "file", "");
    expect_refused(directory / "file/receipt", "Not a directory");
    std::filesystem::create_directories(directory / "stepdown/receipt");
    expect_refused(place, "Is a directory");
    EXPECT_EQ(names_in(directory / "stepdown"), std::vector<std::string>{"receipt"}); // no left-over
}

TEST_F(VerifyReceiptFile, IsFoundAgain) {
    ASSERT_TRUE(write(place));
    const ReceiptFile found = find_receipt(kernel, place);
    ASSERT_EQ(found.state, ReceiptFile::State::kRead) << found.trouble;
    EXPECT_EQ(found.path, place);
    EXPECT_EQ(found.receipt.settings, (std::vector<Setting>{{"user", "app", {SourceKind::kReceipt, place}}}));
    EXPECT_EQ(found.exposed.empty(), ::geteuid() == 0) << found.exposed;
}

TEST_F(VerifyReceiptFile, OneThatOthersMayWriteIsExposed) {
    ASSERT_TRUE(write(place));
    ASSERT_EQ(::chmod(place.c_str(), 0666), 0);
    EXPECT_NE(find_receipt(kernel, place).exposed, "");
    ASSERT_EQ(::chmod(place.c_str(), 0444), 0);
    ASSERT_EQ(::chmod((directory / "stepdown").c_str(), 0777), 0);
    EXPECT_NE(find_receipt(kernel, place).exposed, "");
}

TEST_F(VerifyReceiptFile, MissingMalformedAndOddOnesAreToldApart) {
    EXPECT_EQ(find_receipt(kernel, place).state, ReceiptFile::State::kMissing);
    put(place, "Uid:\t0\t0\t0\t0\n");
    const ReceiptFile malformed = find_receipt(kernel, place);
    EXPECT_EQ(malformed.state, ReceiptFile::State::kMalformed);
    EXPECT_NE(malformed.trouble, "");
    put(place, std::string(kText) + "Junk:\t" + std::string(2 << 20, 'x') + "\n");
    EXPECT_EQ(find_receipt(kernel, place).state, ReceiptFile::State::kMalformed);
    std::filesystem::remove(place);
    ASSERT_EQ(::mkfifo(place.c_str(), 0666), 0);
    EXPECT_EQ(find_receipt(kernel, place).state, ReceiptFile::State::kMalformed); // and does not wait for a writer
    std::filesystem::remove(place);
    std::filesystem::create_symlink("/dev/zero", place);
    EXPECT_EQ(find_receipt(kernel, place).state, ReceiptFile::State::kUnreadable);
}
