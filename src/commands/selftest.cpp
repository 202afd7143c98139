#include <unistd.h>

#include "commands/again.hpp"
#include "commands/commands.hpp"
#include "commands/probe.hpp"
#include "commands/report.hpp"

namespace stepdown::commands {
namespace {

// The app's state without what only a start does, and without an emulation, for which nobody would answer.
void leave_state_alone(Plan& plan) {
    plan.command = {"canary"};
    plan.setup.clear();
    plan.setup_files.clear();
    plan.sockets.clear();
    plan.hooks = {};
    plan.wait_for.clear();
    plan.emulate_root = "off";
}

constexpr const char* kCanary = "65534:65534"; // in no image anybody's

} // namespace

// The whole drop on a canary: what this host's kernel and this container's runtime really enforce.
int selftest(sys::Kernel& kernel, const cli::Parsed& parsed) {
    Plan plan = parsed.plan;
    if (plan.user_spec.empty() && ::geteuid() == 0) {
        plan.user_spec = kCanary;
    }
    const Result<Reach> reach = reach_of(kernel, plan);
    leave_state_alone(plan);
    const Result<Start> start = prepare(kernel, plan);
    const Error* const trouble = !reach ? &reach.error() : !start ? &start.error() : nullptr;
    if (trouble != nullptr && trouble->code == ExitCode::kUsage) {
        return refuse_judging(trouble->line);
    }
    Report report;
    report.container = trouble != nullptr ? probe_trouble(trouble->line) : probe(kernel, *start, *reach);
    return give_report(std::move(report), parsed);
}

std::vector<Finding> probe_running(sys::Kernel& kernel, const cli::Parsed& parsed, const cli::Words& words) {
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    static constexpr const char* kSelftest[] = {"stepdown", "selftest"};
    const std::vector<Setting> settings = settings_of_start(kernel, parsed.plan, log);
    cli::Words again = words;
    again.argc = 2;
    again.argv = kSelftest;
    again.receipt = settings;
    Result<cli::Parsed> same = cli::parse(again);
    if (!same) {
        return probe_trouble(same.error().line);
    }
    const Result<Reach> reach = reach_of(kernel, same->plan);
    leave_state_alone(same->plan);
    const Result<Start> start = prepare(kernel, same->plan);
    if (!reach || !start) {
        return probe_trouble(reach ? start.error().line : reach.error().line);
    }
    return probe(kernel, *start, *reach);
}

} // namespace stepdown::commands
