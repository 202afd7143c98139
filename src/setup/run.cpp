#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "setup/job.hpp"
#include "setup/setup.hpp"

namespace stepdown::setup {
namespace {

// A tree may hold a million files that fail alike; nobody reads more than a few lines of them.
constexpr std::size_t kNamedPerStep = 8;

struct Action {
    SetupKind kind;
    std::string_view flag;
    Result<> (*carry_out)(Job&, const SetupStep&);
};

constexpr std::array kActions{
    Action{SetupKind::kMakeDirectory, "--mkdir", make_directory},
    Action{SetupKind::kOwn, "--own", own},
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

std::unexpected<Error> Job::give_up(const Trouble& trouble, std::string_view where, int fd) const {
    return fail(ExitCode::kSetup, line_of(*this, explain(trouble, where, effective, nature_of(fd))));
}

Result<> Job::failed(const Trouble& trouble, std::string_view where, int fd) {
    if (!best_effort || is_hopeless(trouble, effective)) {
        return give_up(trouble, where, fd);
    }
    if (skipped.size() < kNamedPerStep) {
        skipped.push_back(give_up(trouble, where, fd).error().line);
    } else {
        ++skipped_unnamed;
    }
    return {};
}

Result<Outcome> run(sys::Kernel& kernel, std::span<const SetupStep> steps, uid_t uid, gid_t gid,
                    std::uint64_t effective, bool best_effort) {
    Outcome outcome;
    for (const SetupStep& step : steps) {
        const auto action = std::ranges::find(kActions, step.kind, &Action::kind);
        if (action == kActions.end()) {
            return fail(ExitCode::kInternal, fmt::format("setup of {}: no such kind of step", printable(step.path)));
        }
        Job job{kernel, action->flag, step.path, uid, gid, effective, best_effort, 0, {}, 0};
        Result<> done = action->carry_out(job, step);
        keep_lines(outcome, job);
        outcome.changed += job.changed;
        if (!done && !best_effort) {
            return std::unexpected(std::move(done.error()));
        }
        if (!done) {
            outcome.skipped.push_back(std::move(done.error().line));
        }
    }
    return outcome;
}

} // namespace stepdown::setup
