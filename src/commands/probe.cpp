#include "commands/probe.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "commands/account.hpp"
#include "confine/evaluate.hpp"
#include "confine/syscalls.hpp"
#include "drop/drop.hpp"
#include "verify/judge.hpp"
#include "verify/probe.hpp"
#include "verify/probe_landlock.hpp"

namespace stepdown::commands {
namespace {

constexpr unsigned kCalls = 512;                  // more than any machine has
constexpr std::uint64_t kBad = ~std::uint64_t{0}; // no descriptor, no pointer, no flags
constexpr std::size_t kMostAttempts = 32;

enum class Stage { kStarted, kFailed, kConfined, kSeen };

// What the two share: the child lives in this process's memory.
struct Shared {
    sys::Kernel& kernel;
    const Start& start;
    int rules;                                // Landlock's; -1: none
    const std::vector<verify::Trial>& trials; // of them
    std::atomic<Stage> stage = Stage::kStarted;
    std::optional<unsigned> securebits = {};      // only the child itself can ask
    std::string trouble = {};                     // kFailed: why
    std::array<int, kMostAttempts> outcomes = {}; // of the attempts
    std::array<int, verify::kMostTrials> before = {}, after = {};
    std::array<int, kCalls> refusal = {}; // the errno the filter answers a bad call with; 0: it lets it through
    std::array<int, kCalls> observed = {};
};

// Which calls with nothing but bad arguments the filter refuses by an errno.
void evaluate_all(Shared& shared) {
    const std::uint32_t machine = confine::facts_of(confine::native_architecture()).audit;
    for (unsigned number = 0; number < kCalls; ++number) {
        seccomp_data data{.nr = static_cast<int>(number), .arch = machine, .instruction_pointer = 0, .args = {}};
        std::ranges::fill(data.args, kBad);
        const auto action = confine::evaluate(shared.start.filter.program(), data);
        const bool refuses = action && (*action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
        shared.refusal[number] = refuses ? static_cast<int>(*action & SECCOMP_RET_DATA) : 0;
    }
}

void try_reach(const Shared& shared, std::array<int, verify::kMostTrials>& outcomes) {
    for (std::size_t i = 0; i < shared.trials.size(); ++i) {
        outcomes[i] = shared.trials[i].attempt(shared.trials[i]);
    }
}

Result<> step_down(Shared& shared) {
    const int kept[] = {shared.rules};
    const bool restricts = shared.rules >= 0;
    if (auto dropped = drop::step_down(shared.kernel, shared.start.before, shared.start.wanted,
                                       restricts ? std::span<const int>(kept) : std::span<const int>());
        !dropped) {
        return dropped;
    }
    if (restricts) {
        try_reach(shared, shared.before);
        if (const auto restricted = shared.kernel.landlock_restrict(shared.rules); !restricted) {
            return call_failed(ExitCode::kConfine, "cannot restrict itself", "landlock_restrict_self",
                               restricted.error());
        }
        ::close(shared.rules);
    }
    return shared.start.filter.off() ? Result<>() : confine::load(shared.kernel, shared.start.filter.program());
}

int live(void* context) {
    Shared& shared = *static_cast<Shared*>(context);
    if (auto stepped = step_down(shared); !stepped) {
        shared.trouble = stepped.error().line;
        shared.stage = Stage::kFailed;
        ::_exit(1);
    }
    if (const auto bits = shared.kernel.securebits(); bits) {
        shared.securebits = *bits;
    }
    shared.stage = Stage::kConfined;
    while (shared.stage != Stage::kSeen) {
        ::sched_yield();
    }
    for (unsigned number = 0; number < kCalls; ++number) {
        if (shared.refusal[number] != 0) {
            shared.observed[number] = ::syscall(number, kBad, kBad, kBad, kBad, kBad, kBad) < 0 ? errno : 0;
        }
    }
    if (shared.rules >= 0) {
        try_reach(shared, shared.after);
    }
    const bool root = shared.start.plan.allow_root;
    const auto attempts = verify::attempts();
    for (std::size_t i = 0; i < attempts.size(); ++i) {
        const bool meant = !(attempts[i].of_root && root) && !(attempts[i].at_init && !shared.start.plan.init);
        shared.outcomes[i] = meant ? attempts[i].attempt() : verify::kNotTried;
    }
    ::_exit(0);
}

Finding filter_finding(const Shared& shared) {
    unsigned refused = 0;
    std::string differ;
    for (unsigned number = 0; number < kCalls; ++number) {
        refused += shared.refusal[number] != 0 ? 1 : 0;
        if (shared.refusal[number] != shared.observed[number]) {
            differ += fmt::format("{}call {}: {} in place of {}", differ.empty() ? "" : ", ", number,
                                  std::strerror(shared.observed[number]), std::strerror(shared.refusal[number]));
        }
    }
    Finding finding{.check = "probe.filter",
                    .verdict = shared.start.filter.off() ? Verdict::kSkipped
                               : differ.empty()          ? Verdict::kPass
                                                         : Verdict::kFail,
                    .expected = fmt::format("{} calls refused as the filter reads", refused),
                    .observed = differ.empty() ? fmt::format("{} calls refused so", refused) : differ,
                    .severity = Severity::kHigh,
                    .title = "the kernel refuses what the filter, evaluated, refuses",
                    .references = "CIS-Docker-5.21 PSS-restricted:seccompProfile"};
    if (!differ.empty()) {
        finding.remedy = "this kernel does not enforce the filter: find out what stands between";
    }
    return finding;
}

// Which Landlock the kernel has, and what that lacks of what the Plan asks for.
Finding landlock_finding(const Reach& reach) {
    Finding finding{.check = "probe.landlock",
                    .verdict = reach.rules.warnings.empty() ? Verdict::kPass : Verdict::kFail,
                    .expected = "all that the Plan asks for",
                    .observed = fmt::format("version {}", reach.rules.abi),
                    .severity = Severity::kInfo,
                    .title = "the kernel's Landlock can do what the Plan asks for",
                    .references = "OWASP-Docker-D04"};
    for (const std::string& warning : reach.rules.warnings) {
        finding.observed += "; " + warning;
        finding.remedy = "a newer kernel, or a Plan without it";
    }
    return finding;
}

// From outside: the kernel's account of the child, held against the plan as at a start.
std::vector<Finding> judge_outside(const Shared& shared, const Account& account) {
    auto observed = read_account(shared.kernel, account);
    if (!observed) {
        return probe_trouble(fmt::format("its account cannot be read: {}", std::strerror(observed.error())));
    }
    observed->securebits = shared.securebits;
    return verify::judge(shared.start.wanted, *observed);
}

} // namespace

std::vector<Finding> probe_trouble(std::string observed) {
    return {{.check = "probe",
             .verdict = Verdict::kUnknown,
             .expected = "a child in the app's state",
             .observed = std::move(observed),
             .remedy = "run it as root in the container with the capabilities that the start had",
             .severity = Severity::kCritical,
             .title = "the app's state can be had again",
             .references = "OWASP-Docker-D04"}};
}

Result<Reach> reach_of(sys::Kernel& kernel, const Plan& plan) {
    Reach reach;
    reach.state = setup_paths(plan);
    Result<confine::Ruleset> rules = confine::make_ruleset(kernel, plan.landlock, reach.state);
    if (!rules) {
        return std::unexpected(rules.error());
    }
    reach.rules = std::move(*rules);
    return reach;
}

std::vector<Finding> probe(sys::Kernel& kernel, const Start& start, const Reach& reach) {
    const Landlock& asked = start.plan.landlock;
    std::string name;
    const sys::Fd outside = asked.scope_abstract_sockets ? verify::listen_abstract(name) : sys::Fd();
    const std::string home = start.plan.identity ? start.plan.identity->home : "/";
    const auto trials =
        reach.rules.fd ? verify::landlock_trials(asked, reach.state, home, name) : std::vector<verify::Trial>();
    Shared shared{.kernel = kernel, .start = start, .rules = reach.rules.fd.get(), .trials = trials};
    if (!start.filter.off()) {
        evaluate_all(shared);
    }
    const auto child = kernel.spawn(live, &shared);
    if (!child) {
        return probe_trouble(fmt::format("no child: {}", std::strerror(child.error())));
    }
    const Account account = open_account(kernel, *child);
    siginfo_t ended{};
    while (shared.stage == Stage::kStarted && ended.si_pid == 0) {
        ::sched_yield();
        ::waitid(P_PID, static_cast<id_t>(*child), &ended, WEXITED | WNOHANG | WNOWAIT);
    }
    std::vector<Finding> findings;
    if (shared.stage == Stage::kConfined) {
        findings = judge_outside(shared, account);
        shared.stage = Stage::kSeen;
    }
    int status = 0;
    ::waitpid(*child, &status, 0);
    if (shared.stage == Stage::kFailed) {
        return probe_trouble(shared.trouble);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return probe_trouble(fmt::format("the child ended with {:#x}", status));
    }
    findings.push_back(filter_finding(shared));
    if (asked.restricts_anything()) {
        findings.push_back(landlock_finding(reach));
        std::ranges::move(verify::trial_findings(trials, shared.before, shared.after), std::back_inserter(findings));
    }
    const auto attempts = verify::attempts();
    for (std::size_t i = 0; i < attempts.size(); ++i) {
        findings.push_back(verify::attempt_finding(attempts[i], shared.outcomes[i]));
    }
    return findings;
}

} // namespace stepdown::commands
