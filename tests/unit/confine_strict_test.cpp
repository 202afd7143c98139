#include <cerrno>
#include <ranges>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "confine/builtin.hpp"
#include "unit/confine_support.hpp"

// The promises of the strict filter, held against the very bytes that the binary carries.
namespace stepdown::testing {
namespace {

constexpr Action kAllow = SECCOMP_RET_ALLOW;
const Action kEperm = refusal(EPERM);
constexpr std::uint64_t kDirty = 0x1'0000'0000; // high bits that the kernel ignores in an int

TEST(ConfineStrict, EveryKnownCallIsDecidedByName) { expect_every_known_call_named("strict.json"); }

std::optional<Action> strict(std::string_view name, std::initializer_list<std::uint64_t> args = {}) {
    return evaluate(builtin(BuiltIn::kStrict), call_of(name, args, native_architecture()));
}

TEST(ConfineStrict, AllowsNothingThatTheDefaultRefuses) {
    const Profile profile = source("strict.json");
    const auto arguments = interesting_arguments(profile);
    for (std::uint32_t number = 0; number < 600; ++number) {
        seccomp_data data = call_of(native_architecture(), number);
        for (const auto& one : arguments) {
            std::ranges::copy(one, data.args);
            if (evaluate(builtin(BuiltIn::kStrict), data) == kAllow) {
                ASSERT_EQ(evaluate(builtin(BuiltIn::kDefault), data), kAllow) << number;
            }
        }
    }
}

TEST(ConfineStrict, DeniesMemoryThatIsWrittenAndExecuted) {
    EXPECT_EQ(strict("mmap", {0, 4096, 7}), kEperm);
    EXPECT_EQ(strict("mmap", {0, 4096, 6 | kDirty}), kEperm);
    EXPECT_EQ(strict("mmap", {0, 4096, 5}), kAllow);
    EXPECT_EQ(strict("mmap", {0, 4096, 3}), kAllow);
    EXPECT_EQ(strict("mprotect", {0, 4096, 5}), kEperm);
    EXPECT_EQ(strict("pkey_mprotect", {0, 4096, 4}), kEperm);
    EXPECT_EQ(strict("mprotect", {0, 4096, 3}), kAllow);
    EXPECT_EQ(strict("shmat", {0, 0, 0100000}), kEperm);
    EXPECT_EQ(strict("shmat", {0, 0, 0}), kAllow);
}

TEST(ConfineStrict, LetsAServiceServe) {
    constexpr const char* kServes[] = {"execve",   "accept4", "listen", "epoll_wait", "openat",
                                       "sendfile", "futex",   "clone",  "read"};
    for (const char* name : kServes | std::views::filter(has_call)) {
        EXPECT_EQ(strict(name), kAllow) << name;
    }
    EXPECT_EQ(strict("socket", {AF_INET6, SOCK_STREAM, 0}), kAllow);
    EXPECT_EQ(strict("socket", {AF_NETLINK, SOCK_RAW, 0}), refusal(EAFNOSUPPORT));
    EXPECT_EQ(strict("memfd_create"), refusal(ENOSYS));
    EXPECT_EQ(strict("setuid", {0}), kEperm);
    EXPECT_EQ(strict("getuid"), kAllow);
    EXPECT_EQ(strict("unshare", {0}), kEperm);
}

} // namespace
} // namespace stepdown::testing
