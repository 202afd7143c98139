#include <expected>
#include <utility>

#include <unistd.h>

#include "cli/front_end.hpp"
#include "cli/help.hpp"
#include "cli/options.hpp"
#include "commands/commands.hpp"
#include "commands/install.hpp"
#include "commands/log.hpp"
#include "commands/output.hpp"
#include "commands/report.hpp"
#include "supervise/signals.hpp"
#include "sys/write.hpp"

namespace stepdown::commands {

int print(std::string_view text) {
    return to_status(sys::write_whole(STDOUT_FILENO, text) ? ExitCode::kSuccess : ExitCode::kInternal);
}

namespace {

// None of the three that are not inlined may be: their variables would lie on the stack of a PID 1 that waits.

// What a peer's command line asks for, or the status of one that was answered with words.
[[gnu::noinline]] std::expected<cli::Parsed, int> read_front_line(const cli::FrontEnd& front, const cli::Words& words,
                                                                  int next) {
    cli::FrontLine line = front.read(words, {words.argv + next, static_cast<std::size_t>(words.argc - next)});
    if (line.ends) {
        const auto written = sys::write_whole(line.to_error ? STDERR_FILENO : STDOUT_FILENO, line.text);
        return std::unexpected(written ? line.status : to_status(ExitCode::kInternal));
    }
    const int failed_start = line.parsed.failed_start;
    Result<cli::Parsed> parsed = cli::parse_front_line(std::move(line), words);
    if (!parsed) {
        const int status = Log().failed(parsed.error());
        return std::unexpected(failed_start == 0 ? status : failed_start);
    }
    return std::move(*parsed);
}

[[gnu::noinline]] int dispatch_front_end(const cli::FrontEnd& front, const cli::Words& words, int next,
                                         const supervise::SignalState& given) {
    const std::expected<cli::Parsed, int> parsed = read_front_line(front, words, next);
    if (!parsed) {
        return parsed.error();
    }
    const int status = parsed->pause ? pause(sys::real_kernel(), *parsed) : run(sys::real_kernel(), *parsed, given);
    const bool failed = !parsed->plan.init && parsed->failed_start != 0; // only a start that failed comes back
    return failed ? parsed->failed_start : status;
}

// Ended in the midst, they leave at most a file beside the one that was asked for.
constexpr auto kTell = cli::bit(cli::Command::kPlan) | cli::bit(cli::Command::kProfile) |
                       cli::bit(cli::Command::kReady) | cli::bit(cli::Command::kVerify) |
                       cli::bit(cli::Command::kCheckImage);

[[gnu::noinline]] int other(const cli::Parsed& parsed, const cli::Words& words, const supervise::SignalState& given) {
    sys::Kernel& kernel = sys::real_kernel();
    switch (parsed.command) {
    case cli::Command::kRun:
        break;
    case cli::Command::kExec:
        return exec(kernel, parsed, words, given);
    case cli::Command::kRecord:
        return record(kernel, parsed, given);
    case cli::Command::kPlan:
        return plan(kernel, parsed);
    case cli::Command::kProfile:
        return profile(kernel, parsed);
    case cli::Command::kReady:
        return ready(kernel, parsed);
    case cli::Command::kInstall:
        return install(parsed);
    case cli::Command::kVerify:
        return verify(kernel, parsed, words);
    case cli::Command::kSelftest:
        return selftest(kernel, parsed);
    case cli::Command::kCheckImage:
        return check_image(kernel, parsed);
    }
    return to_status(ExitCode::kInternal);
}

} // namespace

int dispatch(const cli::Words& words, const supervise::SignalState& given) {
    if (const auto [front, next] = cli::which_front_end(words.argc, words.argv, installed_as()); front != nullptr) {
        return dispatch_front_end(*front, words, next, given);
    }
    const Result<cli::Parsed> parsed = cli::parse(words);
    if (!parsed) {
        const int status = Log().failed(parsed.error());
        const auto command = cli::which_command(words.argc, words.argv).command;
        return (cli::bit(command) & cli::kJudges) != 0 ? kJudgeUsage : status;
    }
    if (parsed->show != cli::Show::kNothing) {
        return print(parsed->show == cli::Show::kHelp ? cli::help_text(parsed->command) : cli::version_text());
    }
    if ((cli::bit(parsed->command) & kTell) != 0) {
        supervise::let_signals_end(given);
    }
    return parsed->command == cli::Command::kRun ? run(sys::real_kernel(), *parsed, given)
                                                 : other(*parsed, words, given);
}

} // namespace stepdown::commands
