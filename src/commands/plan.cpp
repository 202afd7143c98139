#include <unistd.h>

#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "commands/start.hpp"
#include "plan/explain.hpp"
#include "render/plan_json.hpp"
#include "render/plan_text.hpp"

namespace stepdown::commands {

// What a start would do and where each value came from. Touches nothing and needs no privilege, so that an image's
// build can ask.
int plan(sys::Kernel& kernel, const cli::Parsed& parsed) {
    Plan plan = parsed.plan;
    const Log log(plan.log_level, plan.log_format);
    if (Result<> resolved = resolve(kernel, plan); !resolved) {
        return log.failed(resolved.error());
    }
    if (const Result<confine::Filter> filter = filter_of(kernel, plan); !filter) {
        return log.failed(filter.error());
    }
    if (parsed.check) {
        for (const std::string& warning : plan.warnings) {
            log.warn(warning);
        }
        return to_status(ExitCode::kSuccess);
    }
    const std::vector<PlanStep> steps = plan::explain(plan);
    const std::vector<Setting> options = cli::effective_settings(plan, cli::Command::kRun);
    return print(parsed.format == "json" ? render::plan_json(plan, steps, options)
                                         : render::plan_text(plan, steps, options));
}

} // namespace stepdown::commands
