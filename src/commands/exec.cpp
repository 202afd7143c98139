#include <utility>

#include "commands/again.hpp"
#include "commands/commands.hpp"
#include "commands/start.hpp"

namespace stepdown::commands {

// The Plan of the start, without its setup, for processes that the engine puts beside the entrypoint (docker exec,
// HEALTHCHECK, probes) and that would run as root: drops, confines and verifies itself, then becomes the command.
int exec(sys::Kernel& kernel, const cli::Parsed& parsed, const cli::Words& words, const supervise::SignalState& given) {
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    const std::vector<Setting> settings = settings_of_start(kernel, parsed.plan, log);
    cli::Words with_receipt = words;
    with_receipt.receipt = settings;
    Result<cli::Parsed> same = settings.empty() ? parsed : cli::parse(with_receipt);
    if (!same) {
        return log.failed(same.error());
    }
    sys::Fd rules;
    if (Result<> made = make_rules(kernel, same->plan, rules, log); !made) {
        return log.failed(made.error());
    }
    same->plan.setup.clear();
    same->plan.setup_files.clear();
    same->plan.sockets.clear(); // the start's app has them
    same->plan.hooks = {};
    same->plan.wait_for.clear();
    same->plan.init = false;
    same->plan.emulate_root = without_listener(same->plan.emulate_root);
    Result<Start> start = prepare(kernel, same->plan);
    if (!start) {
        return log.failed(start.error());
    }
    start->rules = std::move(rules);
    if (Result<> dropped = step_down(kernel, *start); !dropped) {
        return log.failed(dropped.error());
    }
    return log.failed(become(kernel, launch_of(*start, given)));
}

} // namespace stepdown::commands
