#include <cstdio>
#include <cstdlib>

#include <gmock/gmock.h>
#include <unistd.h>

#include "confine/digest.hpp"
#include "confine/load.hpp"
#include "unit/confine_support.hpp"
#include "unit/recording_kernel.hpp"

namespace stepdown::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class File {
  public:
    explicit File(std::string_view text) {
        const sys::Fd file(::mkstemp(path_.data()));
        EXPECT_TRUE(file);
        EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    ~File() { ::unlink(path_.c_str()); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/stepdown-profile-XXXXXX";
};

Error error_of(const std::string& value) {
    const Result<Filter> filter = filter_for(sys::real_kernel(), value);
    EXPECT_FALSE(filter) << value;
    return filter ? Error{} : filter.error();
}

TEST(ConfineLoad, TakesTheBuiltInProgramWithoutAskingTheKernel) {
    RecordingKernel kernel;
    const Result<Filter> filter = filter_for(kernel, "default");
    ASSERT_TRUE(filter);
    EXPECT_EQ(filter->program().data(), builtin(BuiltIn::kDefault).data());
    EXPECT_EQ(filter->sha256(), builtin_sha256(BuiltIn::kDefault));
    EXPECT_FALSE(filter->off());
    EXPECT_THAT(kernel.calls, IsEmpty());
}

TEST(ConfineLoad, TakesOffForNoProgram) {
    RecordingKernel kernel;
    const Result<Filter> filter = filter_for(kernel, "off");
    ASSERT_TRUE(filter);
    EXPECT_TRUE(filter->off());
    EXPECT_THAT(filter->sha256(), IsEmpty());
}

TEST(ConfineLoad, CompilesAFileAndOwnsTheProgram) {
    const File file(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve", "read"], "action": "SCMP_ACT_ALLOW"}]})");
    Result<Filter> made = filter_for(sys::real_kernel(), file.path());
    ASSERT_TRUE(made) << made.error().line;
    Filter copy = *made;
    const Filter moved = std::move(*made);
    for (const Filter& filter : {copy, moved}) {
        EXPECT_EQ(evaluate(filter.program(), call_of("read", {}, native_architecture())), SECCOMP_RET_ALLOW);
        EXPECT_EQ(evaluate(filter.program(), call_of("write", {}, native_architecture())), refusal(EPERM));
        EXPECT_EQ(filter.sha256(), sha256(filter.program()));
    }
}

TEST(ConfineLoad, SaysWhichFileAndWhere) {
    const File file(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["opne"], "action": "SCMP_ACT_ALLOW"}]})");
    const Error error = error_of(file.path());
    EXPECT_EQ(error.code, ExitCode::kUsage);
    EXPECT_EQ(error.line,
              "seccomp profile " + file.path() + ": syscalls[0].names[0]: no kernel has a system call \"opne\"");
}

TEST(ConfineLoad, SaysWhyAFileCannotBeRead) {
    EXPECT_THAT(error_of("/nonexistent/profile.json").line,
                StartsWith("seccomp profile /nonexistent/profile.json: No such file"));
    EXPECT_THAT(error_of("/").line, HasSubstr("Is a directory"));
    EXPECT_THAT(error_of("/dev/zero").line, HasSubstr("Invalid argument"));
    EXPECT_THAT(error_of("").line, HasSubstr("No such file"));
    EXPECT_EQ(error_of("/").code, ExitCode::kUsage);
}

TEST(ConfineLoad, RefusesAProfileUnderWhichNoAppCouldStart) {
    const File file(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})");
    EXPECT_THAT(error_of(file.path()).line, HasSubstr("forbids execve"));
}

TEST(ConfineLoad, AsksTheKernelOnce) {
    RecordingKernel kernel;
    EXPECT_TRUE(load(kernel, builtin(BuiltIn::kPid1)));
    EXPECT_THAT(kernel.calls, ElementsAre("load_filter"));
}

TEST(ConfineLoad, SaysWhyTheKernelRefused) {
    RecordingKernel kernel;
    kernel.refused = "load_filter";
    for (const auto& [error, words] : {std::pair(EACCES, "no_new_privs"), std::pair(EPERM, "outer seccomp profile"),
                                       std::pair(EINVAL, "no seccomp filters"), std::pair(ENOMEM, "too many")}) {
        kernel.error = error;
        const Result<> loaded = load(kernel, builtin(BuiltIn::kDefault));
        ASSERT_FALSE(loaded);
        EXPECT_EQ(loaded.error().code, ExitCode::kConfine);
        EXPECT_THAT(loaded.error().line, HasSubstr(words));
    }
}

TEST(ConfineLoad, NeverLoadsNothing) {
    RecordingKernel kernel;
    const Result<> loaded = load(kernel, {});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ExitCode::kInternal);
    EXPECT_THAT(kernel.calls, IsEmpty());
}

} // namespace
} // namespace stepdown::testing
