#include <cerrno>

#include <unistd.h>

#include "cli/help.hpp"
#include "commands/commands.hpp"
#include "commands/log.hpp"
#include "commands/output.hpp"

namespace stepdown::commands {

int print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return to_status(ExitCode::kInternal);
        }
        text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return to_status(ExitCode::kSuccess);
}

namespace {

constexpr int kVerifyUsage = 2; // verify answers by 0, 1, 2, 3 alone: it has no app whose status could be meant

} // namespace

int dispatch(const cli::Words& words, const supervise::SignalState& given) {
    const Result<cli::Parsed> parsed = cli::parse(words);
    if (!parsed) {
        const int status = Log().failed(parsed.error());
        return cli::which_command(words.argc, words.argv).command == cli::Command::kVerify ? kVerifyUsage : status;
    }
    if (parsed->show != cli::Show::kNothing) {
        return print(parsed->show == cli::Show::kHelp ? cli::help_text(parsed->command) : cli::version_text());
    }
    switch (parsed->command) {
    case cli::Command::kRun:
        return run(sys::real_kernel(), *parsed, given);
    case cli::Command::kExec:
        return exec(sys::real_kernel(), *parsed, words, given);
    case cli::Command::kPlan:
        return plan(sys::real_kernel(), *parsed);
    case cli::Command::kVerify:
        return verify(sys::real_kernel(), {.format = parsed->format == cli::Format::kJson ? "json" : "text",
                                           .pid = parsed->pid,
                                           .quiet = parsed->quiet,
                                           .receipt = parsed->plan.receipt});
    }
    return to_status(ExitCode::kInternal);
}

} // namespace stepdown::commands
