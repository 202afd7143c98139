#include <unistd.h>

#include "cli/help.hpp"
#include "commands/commands.hpp"
#include "commands/log.hpp"
#include "commands/output.hpp"
#include "sys/write.hpp"

namespace stepdown::commands {

int print(std::string_view text) {
    return to_status(sys::write_whole(STDOUT_FILENO, text) ? ExitCode::kSuccess : ExitCode::kInternal);
}

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
    case cli::Command::kProfile:
        return profile(sys::real_kernel(), *parsed);
    case cli::Command::kVerify:
        return verify(sys::real_kernel(), {.format = parsed->format == cli::Format::kJson ? "json" : "text",
                                           .pid = parsed->pid,
                                           .quiet = parsed->quiet,
                                           .receipt = parsed->plan.receipt});
    }
    return to_status(ExitCode::kInternal);
}

} // namespace stepdown::commands
