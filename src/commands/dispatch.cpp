#include <unistd.h>

#include "cli/help.hpp"
#include "cli/options.hpp"
#include "commands/commands.hpp"
#include "commands/log.hpp"
#include "commands/output.hpp"
#include "commands/report.hpp"
#include "sys/write.hpp"

namespace stepdown::commands {

int print(std::string_view text) {
    return to_status(sys::write_whole(STDOUT_FILENO, text) ? ExitCode::kSuccess : ExitCode::kInternal);
}

int dispatch(const cli::Words& words, const supervise::SignalState& given) {
    const Result<cli::Parsed> parsed = cli::parse(words);
    if (!parsed) {
        const int status = Log().failed(parsed.error());
        const auto command = cli::which_command(words.argc, words.argv).command;
        return (cli::bit(command) & cli::kJudges) != 0 ? kJudgeUsage : status;
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
        return verify(sys::real_kernel(), *parsed, words);
    case cli::Command::kSelftest:
        return selftest(sys::real_kernel(), *parsed);
    case cli::Command::kCheckImage:
        return check_image(sys::real_kernel(), *parsed);
    }
    return to_status(ExitCode::kInternal);
}

} // namespace stepdown::commands
