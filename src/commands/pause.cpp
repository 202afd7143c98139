#include <unistd.h>

#include "commands/commands.hpp"
#include "commands/log.hpp"
#include "supervise/supervise.hpp"

namespace stepdown::commands {

// PID 1 of a container whose other processes come from outside, as a pod's: there is no app, so nothing is dropped for
// it.
int pause(sys::Kernel& kernel, const cli::Parsed& parsed) {
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    if (::getpid() != 1 && !kernel.set_subreaper()) {
        log.warn("neither PID 1 nor subreaper: zombie reaping won't work (prctl PR_SET_CHILD_SUBREAPER)");
    }
    [[maybe_unused]] const auto closed = kernel.close_from(STDERR_FILENO + 1);
    supervise::Accounts none;
    Result<supervise::Watch> watch = supervise::Watch::open(parsed.plan.supervision, none);
    if (!watch) {
        return log.failed(watch.error());
    }
    [[maybe_unused]] const int moved = ::chdir("/"); // whoever unmounts the directory must not wait for this process
    watch->until_asked_to_stop();
    return to_status(ExitCode::kSuccess);
}

} // namespace stepdown::commands
