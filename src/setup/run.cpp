#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

#include "setup/job.hpp"
#include "setup/setup.hpp"

namespace stepdown::setup {
namespace {

// A tree may hold a million files that fail alike; nobody reads more than a few lines of them.
constexpr std::size_t kNamedPerStep = 8;

struct Action {
    SetupKind kind;
    std::string_view flag; // of the shorthand
    Result<> (*carry_out)(Job&, const SetupStep&);
};

constexpr std::array kActions{
    Action{SetupKind::kMakeDirectory, "--mkdir", make_directory},
    Action{SetupKind::kOwn, "--own", own},
    Action{SetupKind::kFile, "--setup", make_file},
    Action{SetupKind::kWrite, "--setup", write_files},
    Action{SetupKind::kEmptyDirectory, "--setup", empty_directory},
    Action{SetupKind::kAdjustDirectory, "--setup", adjust_directories},
    Action{SetupKind::kLink, "--setup", make_link},
    Action{SetupKind::kCopy, "--setup", copy},
    Action{SetupKind::kFifo, "--setup", make_fifo},
    Action{SetupKind::kAdjust, "--setup", adjust},
    Action{SetupKind::kRemove, "--setup", remove_files},
    Action{SetupKind::kRemoveTree, "--setup", remove_trees},
};

std::string line_of(const Job& job, std::string_view what) {
    return fmt::format("{} {}: {}", job.flag, printable(job.path), what);
}

void keep_lines(Outcome& outcome, Job& job) {
    std::ranges::move(job.skipped, std::back_inserter(outcome.skipped));
    if (job.skipped_unnamed > 0) {
        outcome.skipped.push_back(line_of(job, fmt::format("{} more skipped", job.skipped_unnamed)));
    }
}

} // namespace

Job plain_job(sys::Kernel& kernel, std::string_view flag, std::string_view path, uid_t uid, gid_t gid) {
    static const OwnRules rules;
    return {.kernel = kernel,
            .flag = flag,
            .path = path,
            .uid = uid,
            .gid = gid,
            .effective = ~std::uint64_t{0},
            .best_effort = false,
            .unprivileged = ::geteuid() != 0, // for the words of a refusal
            .rules = rules};
}

std::unexpected<Error> Job::give_up(const Trouble& trouble, std::string_view where, int fd) {
    const Nature nature = nature_of(fd);
    const bool is_roots = unprivileged && is_refusal(trouble.error);
    pardoned = is_roots || (kind_of(trouble, nature) & rules.allowed) != 0;
    return fail(ExitCode::kSetup, line_of(*this, is_roots ? explain_unprivileged(trouble, where)
                                                          : explain(trouble, where, effective, nature)));
}

Result<> Job::failed(const Trouble& trouble, std::string_view where, int fd) {
    auto line = give_up(trouble, where, fd);
    if ((!best_effort && !pardoned) || is_hopeless(trouble, effective)) {
        return line;
    }
    if (skipped.size() < kNamedPerStep) {
        skipped.push_back(std::move(line.error().line));
    } else {
        ++skipped_unnamed;
    }
    return {};
}

Result<Outcome> run(sys::Kernel& kernel, std::span<const SetupStep> steps, uid_t uid, gid_t gid,
                    std::uint64_t effective, const Rules& rules) {
    Outcome outcome;
    for (const SetupStep& step : steps) {
        const auto action = std::ranges::find(kActions, step.kind, &Action::kind);
        if (action == kActions.end()) {
            return fail(ExitCode::kInternal, fmt::format("setup of {}: no such kind of step", printable(step.path)));
        }
        Job job{.kernel = kernel,
                .flag = step.origin.empty() ? action->flag : std::string_view(step.origin),
                .path = step.path,
                .uid = uid,
                .gid = gid,
                .effective = effective,
                .best_effort = rules.best_effort,
                .unprivileged = rules.unprivileged,
                .rules = rules.own,
                .progress = rules.progress};
        Result<> done = action->carry_out(job, step);
        keep_lines(outcome, job);
        outcome.changed += job.changed;
        if (!done && !rules.best_effort && !step.may_fail && !job.pardoned) {
            return std::unexpected(std::move(done.error()));
        }
        if (!done) {
            outcome.skipped.push_back(std::move(done.error().line));
        }
    }
    return outcome;
}

} // namespace stepdown::setup
