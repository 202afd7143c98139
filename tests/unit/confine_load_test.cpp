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

Result<Filter> filter_of(sys::Kernel& kernel, const Seccomp& asked) {
    std::vector<std::string> warnings;
    return filter_for(kernel, asked, warnings);
}

Error error_of(const Seccomp& asked) {
    const Result<Filter> filter = filter_of(sys::real_kernel(), asked);
    EXPECT_FALSE(filter) << asked.profile;
    return filter ? Error{} : filter.error();
}

TEST(ConfineLoad, TakesTheBuiltInProgramWithoutAskingTheKernel) {
    RecordingKernel kernel;
    const Result<Filter> filter = filter_of(kernel, {.profile = "default"});
    ASSERT_TRUE(filter);
    EXPECT_EQ(filter->program().data(), builtin(BuiltIn::kDefault).data());
    EXPECT_EQ(filter->sha256(), builtin_sha256(BuiltIn::kDefault));
    EXPECT_FALSE(filter->off());
    EXPECT_THAT(kernel.calls, IsEmpty());
}

TEST(ConfineLoad, TakesOffForNoProgram) {
    RecordingKernel kernel;
    const Result<Filter> filter = filter_of(kernel, {.profile = "off"});
    ASSERT_TRUE(filter);
    EXPECT_TRUE(filter->off());
    EXPECT_THAT(filter->sha256(), IsEmpty());
}

TEST(ConfineLoad, CompilesAFileAndOwnsTheProgram) {
    const File file(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve", "read"], "action": "SCMP_ACT_ALLOW"}]})");
    Result<Filter> made = filter_of(sys::real_kernel(), {.profile = file.path()});
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
    const Error error = error_of({.profile = file.path()});
    EXPECT_EQ(error.code, ExitCode::kUsage);
    EXPECT_EQ(error.line,
              "seccomp profile " + file.path() + ": syscalls[0].names[0]: no kernel has a system call \"opne\"");
}

TEST(ConfineLoad, WarnsOfWhatALenientReadingPassedOver) {
    const File file(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve", "opne"], "action": "SCMP_ACT_ALLOW"}]})");
    std::vector<std::string> warnings;
    ASSERT_TRUE(filter_for(sys::real_kernel(), {.profile = file.path(), .lenient = true}, warnings));
    EXPECT_THAT(warnings, ElementsAre("seccomp profile " + file.path() +
                                      ": passed over: syscalls[0].names[1]: no kernel has a system call \"opne\""));
}

TEST(ConfineLoad, GivesTheProfilesFlagsToTheKernel) {
    const File file(R"({"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                        "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}]})");
    const Result<Filter> filter = filter_of(sys::real_kernel(), {.profile = file.path()});
    ASSERT_TRUE(filter);
    EXPECT_EQ(filter->flags(), SECCOMP_FILTER_FLAG_LOG);
    RecordingKernel kernel;
    EXPECT_TRUE(load(kernel, filter->program(), filter->flags()));
    EXPECT_THAT(kernel.calls, ElementsAre("load_filter 2"));
    kernel.refused = "load_filter";
    kernel.error = EINVAL;
    EXPECT_THAT(load(kernel, filter->program(), filter->flags()).error().line, HasSubstr("one of the profile's flags"));
}

TEST(ConfineLoad, ChangesABuiltInFilter) {
    const Result<Filter> filter = filter_of(sys::real_kernel(), {.allow = {"@ptrace"}, .deny = {"mkdir"}});
    ASSERT_TRUE(filter) << filter.error().line;
    EXPECT_EQ(evaluate(filter->program(), call_of("ptrace", {}, native_architecture())), SECCOMP_RET_ALLOW);
    EXPECT_EQ(evaluate(filter->program(), call_of("mkdirat", {}, native_architecture())), SECCOMP_RET_ALLOW);
    EXPECT_EQ(evaluate(filter->program(), call_of("mount", {}, native_architecture())), refusal(EPERM));
    EXPECT_THAT(error_of({.deny = {"execve"}}).line, HasSubstr("forbids execve"));
    EXPECT_THAT(error_of({.deny = {"@nothing"}}).line,
                StartsWith("seccomp profile default: --seccomp-deny: \"@nothing\""));
    EXPECT_THAT(error_of({.profile = "off", .allow = {"@ptrace"}}).line, HasSubstr("no filter"));
    EXPECT_THAT(error_of({.profile = "/x.json", .allow = {"@ptrace"}}).line,
                HasSubstr("built-in filter, not a file's"));
}

TEST(ConfineLoad, LoadsAFilterCompiledAhead) {
    const File json(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}]})");
    std::vector<std::string> warnings;
    const Result<Source> source = read_source(sys::real_kernel(), {.profile = json.path()}, warnings);
    ASSERT_TRUE(source);
    const File compiled(write_compiled(source->compiled));
    const Result<Filter> filter = filter_of(sys::real_kernel(), {.profile = compiled.path()});
    ASSERT_TRUE(filter) << filter.error().line;
    EXPECT_EQ(filter->sha256(), filter_of(sys::real_kernel(), {.profile = json.path()})->sha256());
}

TEST(ConfineLoad, SaysWhyAFileCannotBeRead) {
    EXPECT_THAT(error_of({.profile = "/nonexistent/profile.json"}).line,
                StartsWith("seccomp profile /nonexistent/profile.json: No such file"));
    EXPECT_THAT(error_of({.profile = "/"}).line, HasSubstr("is a directory"));
    EXPECT_THAT(error_of({.profile = "/dev/zero"}).line, HasSubstr("is no regular file"));
    EXPECT_THAT(error_of({.profile = ""}).line, HasSubstr("No such file"));
    EXPECT_EQ(error_of({.profile = "/"}).code, ExitCode::kUsage);
}

TEST(ConfineLoad, RefusesAProfileUnderWhichNoAppCouldStart) {
    const File file(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})");
    EXPECT_THAT(error_of({.profile = file.path()}).line, HasSubstr("forbids execve"));
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
