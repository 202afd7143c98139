#include <cstdlib>
#include <new>

#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>

#include "commands/log.hpp"
#include "commands/notes.hpp"
#include "kernel/supervise_fixture.hpp"
#include "supervise/signals.hpp"
#include "supervise/supervise.hpp"

// What the loop may not do: ask for memory, leave a zombie, keep a signal waiting.
namespace stepdown::testing {
namespace {

std::size_t allocations = 0;

} // namespace
} // namespace stepdown::testing

void* operator new(std::size_t size) {
    ++stepdown::testing::allocations;
    void* const memory = std::malloc(size);
    return memory != nullptr ? memory : throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace stepdown::testing {
namespace {

constexpr int kOrphans = 200;

// Orphans that end, one that outlives --drain, and every signal: a line is logged for each.
[[noreturn]] void be_the_app() {
    for (int i = 0; i <= kOrphans; ++i) {
        const pid_t middle = ::fork();
        if (middle == 0) {
            if (::fork() == 0 && i == kOrphans) {
                ::pause(); // everything is blocked
            }
            ::_exit(0);
        }
        ::waitpid(middle, nullptr, 0);
        ::kill(::getppid(), i % 64 + 1 == SIGSTOP || i % 64 + 1 == SIGKILL ? SIGUSR1 : i % 64 + 1);
    }
    ::_exit(3);
}

// By malloc(3). musl does not say: there operator new alone tells.
std::size_t given_out() {
#ifdef __GLIBC__
    return ::mallinfo2().uordblks;
#else
    return 0;
#endif
}

// In a process of its own, which ends with 0 if the loop asked nobody for memory.
int allocations_of_the_loop() {
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDERR_FILENO);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    supervise::take_signals();
    const commands::Log log(LogLevel::kDebug, LogFormat::kText);
    log.plain(LogLevel::kDebug, "the first line makes the logger");
    const Supervision asked{.drain = 100ms, .log_orphans = true};
    supervise::Accounts none;
    auto watch = supervise::Watch::open(asked, none, commands::notes_to(log));
    const pid_t app = ::fork();
    if (app == 0) {
        be_the_app();
    }
    const std::size_t before = allocations;
    const auto bytes_before = given_out();
    const supervise::Outcome outcome = watch->until_ended(app);
    const bool none_asked_for = allocations == before && given_out() == bytes_before;
    return none_asked_for && outcome.status == 3 && outcome.drained + outcome.killed >= 1 ? 0 : 1;
}

TEST_F(Supervise, TheLoopAllocatesNothing) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(allocations_of_the_loop());
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

// Each of them is PID 1's child at once. TEST_FORKS has it do with fewer.
TEST_F(Supervise, AMillionForksLeaveNothingBehindAndKeepNoSignalWaiting) {
    const char* asked = std::getenv("TEST_FORKS");
    const std::string count = asked == nullptr ? "1000000" : asked;
    Running running = start_app("forks " + count, {"--log-orphans", "--drain=1s"},
                                {.prepare = [] { ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO); }});
    ASSERT_TRUE(running.says("ready\n"));
    ::usleep(500'000); // the start's last step: its memory goes back
    const std::string memory = line_of(running.status(), "VmData:");
    int signals = 0;
    for (; running.output().find("done\n") == std::string::npos; ++signals) {
        ASSERT_FALSE(running.has_ended());
        ::kill(running.pid(), SIGUSR1);
        ASSERT_TRUE(running.says(fmt::format("got {}\n", signals + 1))) << "a signal waits";
        ::usleep(300'000);
    }
    EXPECT_TRUE(until([&] { return running.children().size() == 1; })) << running.children().size() << " are left";
    EXPECT_FALSE(memory.empty());
    EXPECT_EQ(line_of(running.status(), "VmData:"), memory);
    ::kill(running.pid(), SIGTERM);
    EXPECT_EQ(running.ended(), 128 + SIGTERM);
}

} // namespace
} // namespace stepdown::testing
