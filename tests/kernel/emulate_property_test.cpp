#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulate/credentials.hpp"

// Random sequences of the id, group and capability calls go through emulate's rules and through the running kernel, in
// a forked child that begins as real root. After every step the answer and all of the credentials must be the same.
namespace stepdown::emulate {
namespace {

constexpr int kSequences = 1000;
constexpr int kSteps = 40;
constexpr int kDiverged = 3;

// One random call, as the kernel takes it.
struct Step {
    std::string name;
    long number = 0;
    std::array<std::uint64_t, 5> args{};
    std::vector<std::uint32_t> groups;
    CapabilitySets sets;

    std::string text() const {
        return number == SYS_setgroups ? fmt::format("setgroups({})", fmt::join(groups, ","))
               : number == SYS_capset
                   ? fmt::format("capset(e={:x} p={:x} i={:x})", sets.effective, sets.permitted, sets.inheritable)
                   : fmt::format("{}({:x})", name, fmt::join(args, ","));
    }
};

class Choice {
  public:
    explicit Choice(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    bool one_in(std::uint64_t bound) { return below(bound) == 0; }
    template <class T, std::size_t N> T of(const T (&list)[N]) { return list[below(N)]; }

    std::uint32_t id() {
        // Few, so that sequences meet the same ids again; the last two are the greatest id and "no id".
        constexpr std::uint32_t kIds[] = {0, 0, 0, 1, 33, 1000, 65534, 0xfffffffe, kNoId, kNoId};
        return of(kIds);
    }
    std::uint64_t register_id() {
        return id() | (one_in(8) ? std::uint64_t{0xdead} << 32 : 0);
    } // the kernel looks at 32 bits
    std::uint64_t capability() {
        constexpr std::uint64_t kOften[] = {CAP_CHOWN,   CAP_SETUID,       CAP_SETGID,
                                            CAP_SETPCAP, CAP_MAC_OVERRIDE, CAP_SYS_CHROOT};
        constexpr std::uint64_t kOdd[] = {CAP_SYS_RESOURCE, CAP_LAST_CAP, 41, 63, 64, 1000, std::uint64_t{1} << 32};
        return one_in(4) ? of(kOdd) : one_in(3) ? below(CAP_LAST_CAP + 1) : of(kOften);
    }
    std::uint64_t capabilities(std::uint64_t near) {
        constexpr std::uint64_t kAll = ~std::uint64_t{0};
        switch (below(8)) {
        case 0:
            return 0;
        case 1:
            return kAll;
        case 2:
            return engine_();
        case 3:
            return near & engine_();
        case 4:
            return near & ~(std::uint64_t{1} << below(41));
        case 5:
            return near | std::uint64_t{1} << below(41);
        default:
            return near;
        }
    }
    std::uint64_t securebits(std::uint32_t now) {
        switch (below(6)) {
        case 0:
            return 0;
        case 1:
            return engine_(); // nearly always unknown bits
        case 2:
            return now;
        default:
            return now ^ std::uint64_t{1} << below(12);
        }
    }

  private:
    std::mt19937_64 engine_;
};

Step prctl_step(Choice& choice, std::uint64_t option, std::uint64_t second, std::uint64_t third = 0) {
    const std::uint64_t junk = choice.one_in(10) ? 1 : 0;
    return {.name = "prctl",
            .number = SYS_prctl,
            .args = {option, second, third, junk, choice.one_in(20) ? 1U : 0U},
            .groups = {},
            .sets = {}};
}

Step random_prctl(Choice& choice, const Credentials& now) {
    constexpr std::uint64_t kAmbient[] = {PR_CAP_AMBIENT_IS_SET,
                                          PR_CAP_AMBIENT_RAISE,
                                          PR_CAP_AMBIENT_RAISE,
                                          PR_CAP_AMBIENT_LOWER,
                                          PR_CAP_AMBIENT_CLEAR_ALL,
                                          0,
                                          9};
    switch (choice.below(9)) {
    case 0:
        return prctl_step(choice, PR_CAPBSET_READ, choice.capability());
    case 1:
        return prctl_step(choice, PR_CAPBSET_DROP, choice.capability());
    case 2:
        return prctl_step(choice, PR_GET_SECUREBITS, 0);
    case 3:
    case 4:
        return prctl_step(choice, PR_SET_SECUREBITS, choice.securebits(now.securebits));
    case 5:
        return prctl_step(choice, PR_GET_KEEPCAPS, 0);
    case 6:
        return prctl_step(choice, PR_SET_KEEPCAPS, choice.one_in(8) ? 2 : choice.below(2));
    default:
        const std::uint64_t what = choice.of(kAmbient);
        return prctl_step(choice, PR_CAP_AMBIENT, what,
                          what == PR_CAP_AMBIENT_CLEAR_ALL && !choice.one_in(4) ? 0 : choice.capability());
    }
}

Step random_capset(Choice& choice, const Credentials& now) {
    const CapabilitySets& sets = now.capabilities;
    Step step{.name = "capset", .number = SYS_capset, .args = {}, .groups = {}, .sets = {}};
    step.sets.permitted = choice.one_in(2) ? sets.permitted : choice.capabilities(sets.permitted);
    step.sets.effective = choice.capabilities(step.sets.permitted);
    step.sets.inheritable = choice.capabilities(choice.one_in(2) ? sets.inheritable : sets.permitted);
    return step;
}

Step random_step(Choice& choice, const Credentials& now) {
    constexpr struct {
        const char* name;
        long number;
    } kIdCalls[] = {{"setuid", SYS_setuid},       {"setreuid", SYS_setreuid},   {"setresuid", SYS_setresuid},
                    {"setresuid", SYS_setresuid}, {"setfsuid", SYS_setfsuid},   {"setgid", SYS_setgid},
                    {"setregid", SYS_setregid},   {"setresgid", SYS_setresgid}, {"setfsgid", SYS_setfsgid}};
    switch (choice.below(8)) {
    case 0:
    case 1:
        return random_prctl(choice, now);
    case 2:
    case 3:
        return random_capset(choice, now);
    case 4: {
        Step step{.name = "setgroups", .number = SYS_setgroups, .args = {}, .groups = {}, .sets = {}};
        step.groups.resize(choice.below(12));
        for (std::uint32_t& group : step.groups) {
            group = choice.one_in(20) ? choice.id() : static_cast<std::uint32_t>(choice.below(100));
        }
        return step;
    }
    default:
        const auto call = choice.of(kIdCalls);
        return {.name = call.name,
                .number = call.number,
                .args = {choice.register_id(), choice.register_id(), choice.register_id()},
                .groups = {},
                .sets = {}};
    }
}

// ---- the two sides

Answer answer_of(long result) { return result < 0 ? Answer(std::unexpected(errno)) : Answer(result); }

Answer ask_kernel(const Step& step) {
    if (step.number == SYS_setgroups) {
        return answer_of(::syscall(SYS_setgroups, step.groups.size(), step.groups.data()));
    }
    if (step.number == SYS_capset) {
        const auto low = [](std::uint64_t set) { return static_cast<std::uint32_t>(set); };
        const auto high = [](std::uint64_t set) { return static_cast<std::uint32_t>(set >> 32); };
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        const CapabilitySets& sets = step.sets;
        const __user_cap_data_struct data[2] = {{low(sets.effective), low(sets.permitted), low(sets.inheritable)},
                                                {high(sets.effective), high(sets.permitted), high(sets.inheritable)}};
        return answer_of(::syscall(SYS_capset, &header, data));
    }
    return answer_of(::syscall(step.number, step.args[0], step.args[1], step.args[2], step.args[3], step.args[4]));
}

Answer ask_rules(Credentials& who, const KernelLimits& limits, const Step& step) {
    const auto id = [&step](std::size_t index) { return static_cast<std::uint32_t>(step.args[index]); };
    switch (step.number) {
    case SYS_setuid:
        return set_uid(who, id(0));
    case SYS_setreuid:
        return set_reuid(who, id(0), id(1));
    case SYS_setresuid:
        return set_resuid(who, id(0), id(1), id(2));
    case SYS_setfsuid:
        return set_fsuid(who, id(0));
    case SYS_setgid:
        return set_gid(who, id(0));
    case SYS_setregid:
        return set_regid(who, id(0), id(1));
    case SYS_setresgid:
        return set_resgid(who, id(0), id(1), id(2));
    case SYS_setfsgid:
        return set_fsgid(who, id(0));
    case SYS_setgroups:
        return set_groups(who, step.groups);
    case SYS_capset:
        return set_capabilities(who, limits, step.sets);
    default:
        return change_by_prctl(who, limits, step.args).value();
    }
}

// The credentials of the calling process, by every call that tells of them.
Credentials ask_all(const KernelLimits& limits) {
    Credentials now;
    ::syscall(SYS_getresuid, &now.uid[kReal], &now.uid[kEffective], &now.uid[kSaved]);
    ::syscall(SYS_getresgid, &now.gid[kReal], &now.gid[kEffective], &now.gid[kSaved]);
    now.uid[kFileSystem] = static_cast<std::uint32_t>(::syscall(SYS_setfsuid, kNoId));
    now.gid[kFileSystem] = static_cast<std::uint32_t>(::syscall(SYS_setfsgid, kNoId));
    std::array<std::uint32_t, kMaxGroups> groups{};
    const long count = ::syscall(SYS_getgroups, groups.size(), groups.data());
    now.groups.assign(std::span(groups).first(static_cast<std::size_t>(count)));
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2]{};
    ::syscall(SYS_capget, &header, data);
    const auto wide = [](std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; };
    now.capabilities.effective = wide(data[0].effective, data[1].effective);
    now.capabilities.permitted = wide(data[0].permitted, data[1].permitted);
    now.capabilities.inheritable = wide(data[0].inheritable, data[1].inheritable);
    for (unsigned capability = 0; (limits.capabilities >> capability & 1) != 0; ++capability) {
        const long bounding = ::syscall(SYS_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);
        const long ambient = ::syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0);
        now.capabilities.bounding |= static_cast<std::uint64_t>(bounding == 1) << capability;
        now.capabilities.ambient |= static_cast<std::uint64_t>(ambient == 1) << capability;
    }
    now.securebits = static_cast<std::uint32_t>(::syscall(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0));
    return now;
}

std::string text_of(const Credentials& who) {
    const CapabilitySets& sets = who.capabilities;
    return fmt::format("uid {} gid {} groups {} inh {:x} prm {:x} eff {:x} bnd {:x} amb {:x} securebits {:x}",
                       fmt::join(who.uid, " "), fmt::join(who.gid, " "), fmt::join(who.groups.ids(), ","),
                       sets.inheritable, sets.permitted, sets.effective, sets.bounding, sets.ambient, who.securebits);
}

std::string text_of(const Answer& answer) { return answer ? std::to_string(*answer) : std::strerror(answer.error()); }

// What a program sees of itself after execve(2), in the words of /proc/PID/status.
std::string after_real_exec() {
    int ends[2];
    if (::pipe(ends) != 0) {
        return "no pipe";
    }
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        ::execl("/bin/grep", "grep", "-E", "^(Uid|Gid|Groups|Cap...):", "/proc/self/status", nullptr);
        ::_exit(127);
    }
    ::close(ends[1]);
    std::string text(4096, '\0');
    std::size_t length = 0;
    for (ssize_t got = 0; (got = ::read(ends[0], text.data() + length, text.size() - length)) > 0;) {
        length += static_cast<std::size_t>(got);
    }
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return text.substr(0, length);
}

std::string status_of(const Credentials& who) {
    const CapabilitySets& sets = who.capabilities;
    std::string groups;
    for (const std::uint32_t group : who.groups.ids()) {
        groups += std::to_string(group) + " ";
    }
    return fmt::format(
        "Uid:\t{}\nGid:\t{}\nGroups:\t{}\nCapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\nCapBnd:\t{:016x}\n"
        "CapAmb:\t{:016x}\n",
        fmt::join(who.uid, "\t"), fmt::join(who.gid, "\t"), groups.empty() ? " " : groups, sets.inheritable,
        sets.permitted, sets.effective, sets.bounding, sets.ambient);
}

// ---- one sequence, in a process of its own

void diverged(std::uint64_t seed, const std::vector<std::string>& trace, const std::string& what) {
    fmt::print(stderr, "seed {}:\n  {}\n{}\n", seed, fmt::join(trace, "\n  "), what);
    ::_exit(kDiverged);
}

void compare_exec(std::uint64_t seed, const std::vector<std::string>& trace, Credentials rules) {
    execute(rules);
    const std::string real = after_real_exec();
    if (real != status_of(rules)) {
        diverged(seed, trace, fmt::format("execve: kernel\n{}rules\n{}", real, status_of(rules)));
    }
}

[[noreturn]] void run_sequence(std::uint64_t seed, const KernelLimits& limits, bool with_exec) {
    Choice choice(seed);
    Credentials rules = ask_all(limits);
    std::vector<std::string> trace{text_of(rules)};
    for (int i = 0; i < kSteps; ++i) {
        const Step step = random_step(choice, rules);
        trace.push_back(step.text());
        const Answer said = ask_rules(rules, limits, step);
        const Answer real = ask_kernel(step);
        trace.back() += " = " + text_of(real);
        const Credentials now = ask_all(limits);
        if (said != real || now != rules) {
            diverged(seed, trace,
                     fmt::format("kernel: {}, {}\nrules:  {}, {}", text_of(real), text_of(now), text_of(said),
                                 text_of(rules)));
        }
        if (with_exec && choice.one_in(5)) {
            compare_exec(seed, trace, rules);
        }
    }
    ::_exit(0);
}

// What this kernel knows, asked of it as root: Linux 6.14 has four securebits more.
KernelLimits limits_here() {
    unsigned last = 0;
    while (::prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0) {
        ++last;
    }
    KernelLimits limits = limits_of(last);
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(::prctl(PR_SET_SECUREBITS, 0x100, 0, 0, 0) == 0 ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    limits.securebits = status == 0 ? 0xfff : 0xff;
    return limits;
}

std::uint64_t first_seed() {
    if (const char* given = std::getenv("STEPDOWN_SEED")) {
        return std::strtoull(given, nullptr, 10);
    }
    return std::random_device()();
}

void run_sequences(int count, bool with_exec) {
    ASSERT_EQ(::geteuid(), 0U) << "this test compares with real root: run it as root";
    const KernelLimits limits = limits_here();
    ASSERT_TRUE(may(ask_all(limits), CAP_SETUID) && may(ask_all(limits), CAP_SETGID) &&
                may(ask_all(limits), CAP_SETPCAP))
        << "this test needs CAP_SETUID, CAP_SETGID and CAP_SETPCAP";
    const std::uint64_t first = first_seed();
    fmt::print("seeds {} to {}; STEPDOWN_SEED={} repeats them\n", first, first + static_cast<std::uint64_t>(count) - 1,
               first);
    for (int i = 0; i < count; ++i) {
        const std::uint64_t seed = first + static_cast<std::uint64_t>(i);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            run_sequence(seed, limits, with_exec);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_EQ(status, 0) << "the rules and the kernel differ, seed " << seed;
    }
}

TEST(EmulateProperty, RulesAreTheKernels) { run_sequences(kSequences, false); }

TEST(EmulateProperty, ExecveIsTheKernels) { run_sequences(kSequences / 20, true); }

} // namespace
} // namespace stepdown::emulate
