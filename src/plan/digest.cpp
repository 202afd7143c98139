#include "plan/digest.hpp"

#include <string_view>

#include "plan/tmpfiles.hpp"

namespace stepdown::plan {
namespace {

void append_line(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append("\t").append(value).append("\n");
}

std::string octal(std::uint32_t mode) {
    std::string digits;
    do {
        digits.insert(digits.begin(), static_cast<char>('0' + (mode & 7)));
        mode >>= 3;
    } while (mode != 0);
    return digits;
}

std::string joined(const auto& numbers) {
    std::string text;
    for (const auto number : numbers) {
        text.append(text.empty() ? "" : ",").append(std::to_string(number));
    }
    return text;
}

void append_identity(std::string& text, const Plan& plan) {
    if (plan.groups.keep) {
        append_line(text, "groups", "keep");
    }
    if (plan.groups.passwd || !plan.groups.names.empty()) {
        append_line(text, "groups", joined(plan.groups.ids));
    }
    if (plan.kept_capabilities != 0) {
        append_line(text, "capabilities", std::to_string(plan.kept_capabilities));
    }
}

void append_process(std::string& text, const Process& asked) {
    if (asked.umask) {
        append_line(text, "umask", octal(*asked.umask));
    }
    for (const ResourceLimit& limit : asked.limits) {
        append_line(text, "rlimit",
                    std::to_string(limit.resource) + "=" + std::to_string(limit.soft) + ":" +
                        std::to_string(limit.hard));
    }
    if (!asked.directory.empty()) {
        append_line(text, "cwd", asked.directory);
    }
    if (asked.nice) {
        append_line(text, "nice", std::to_string(*asked.nice));
    }
    if (asked.oom_score_adj) {
        append_line(text, "oom-score-adj", std::to_string(*asked.oom_score_adj));
    }
    if (asked.own_stdio) {
        append_line(text, "own-stdio", "yes");
    }
    if (!asked.keep_fds.empty()) {
        append_line(text, "keep-fd", joined(asked.keep_fds));
    }
}

void append_environment(std::string& text, const EnvironmentRules& rules) {
    if (rules.clear) {
        append_line(text, "clear-env", "yes");
    }
    for (const std::string& name : rules.keep) {
        append_line(text, "keep-env", name);
    }
    for (const std::string& file : rules.files) {
        append_line(text, "env-file", file);
    }
    for (const auto& [name, value] : rules.changes) {
        append_line(text, value ? "env" : "unset", value ? name + "=" + *value : name);
    }
}

std::string_view yes_or_no(bool value) { return value ? "yes" : "no"; }

// Only what was asked for: the defaults are the version's.
void append_supervision(std::string& text, const Supervision& asked) {
    for (const SignalRewrite& signal : asked.signals) {
        append_line(text, "signal", std::to_string(signal.from) + "=" + std::to_string(signal.to));
    }
    if (asked.signal_group) {
        append_line(text, "signal-group", "yes");
    }
    if (asked.stop_signal != 0) {
        append_line(text, "stop-signal", std::to_string(asked.stop_signal));
    }
    if (asked.stop_delay) {
        append_line(text, "stop-delay", std::to_string(asked.stop_delay->count()));
    }
    if (asked.grace) {
        append_line(text, "grace", std::to_string(asked.grace->count()));
    }
    if (asked.drain != Supervision().drain) {
        append_line(text, "drain", std::to_string(asked.drain.count()));
    }
    for (const StatusRewrite& status : asked.exit_statuses) {
        append_line(text, "exit-status", std::to_string(status.from) + "=" + std::to_string(status.to));
    }
    const std::pair<std::string_view, bool> flags[] = {{"job-control", asked.job_control},
                                                       {"new-session", asked.new_session},
                                                       {"forking", asked.forking},
                                                       {"log-orphans", asked.log_orphans},
                                                       {"kill-on-orphan", asked.kill_on_orphan}};
    for (const auto& [name, given] : flags) {
        if (given) {
            append_line(text, name, "yes");
        }
    }
    if (asked.subreaper != Subreaper::kAuto) {
        append_line(text, "subreaper", yes_or_no(asked.subreaper == Subreaper::kAlways));
    }
    if (!asked.pid_file.empty()) {
        append_line(text, "pidfile", asked.pid_file);
    }
    if (asked.ready.kind != Readiness::Kind::kNone) {
        append_line(text, "ready", in_words(asked.ready));
    }
    if (asked.watchdog) {
        append_line(text, "watchdog", std::to_string(asked.watchdog->count()));
    }
    if (asked.parent_death_signal != 0) {
        append_line(text, "parent-death-signal", std::to_string(asked.parent_death_signal));
    }
}

void append_handover(std::string& text, const Plan& plan) {
    for (const ListenSocket& asked : plan.sockets) {
        append_line(text, "listen", asked.name + " " + asked.address + " " + std::to_string(asked.port));
    }
    for (const Secret& secret : plan.secrets) {
        append_line(text, "secret",
                    secret.name + " " + secret.path + " " + (secret.in_environment ? "env" : octal(secret.mode)));
    }
    for (const auto* commands : {&plan.hooks.before_drop, &plan.hooks.before_drop_dirs, &plan.hooks.before_start}) {
        for (const std::string& command : *commands) {
            append_line(text, "hook", command);
        }
    }
}

void append_own_rules(std::string& text, const OwnRules& rules) {
    if (rules != OwnRules()) {
        append_line(text, "own-rules",
                    std::to_string(static_cast<int>(rules.policy)) + "," + std::to_string(rules.allowed) + "," +
                        std::string(yes_or_no(rules.cross_mounts)));
    }
}

void append_confinement(std::string& text, const Plan& plan) {
    for (const std::string& item : plan.seccomp.allow) {
        append_line(text, "seccomp-allow", item);
    }
    for (const std::string& item : plan.seccomp.deny) {
        append_line(text, "seccomp-deny", item);
    }
    if (plan.seccomp.lenient) {
        append_line(text, "seccomp-lenient", "yes");
    }
    const std::pair<std::string_view, bool> listening[] = {{"seccomp-report", plan.seccomp.report},
                                                           {"seccomp-learn", plan.seccomp.learn},
                                                           {"record", !plan.seccomp.record.empty()}};
    for (const auto& [name, given] : listening) {
        if (given) {
            append_line(text, name, "yes");
        }
    }
    const Landlock& asked = plan.landlock;
    if (!asked.restricts_anything()) {
        return;
    }
    append_line(text, "landlock", asked.mode == LandlockMode::kRequire ? "require" : "auto");
    append_line(text, "rootfs", asked.read_only_root ? "ro" : "rw");
    for (const FileGrant& file : asked.files) {
        append_line(text, word_of(file.kind), file.path);
    }
    for (const std::uint16_t port : asked.connect) {
        append_line(text, "connect", std::to_string(port));
    }
    for (const std::uint16_t port : asked.bind) {
        append_line(text, "bind", std::to_string(port));
    }
    append_line(text, "scope-abstract", yes_or_no(asked.scope_abstract_sockets));
    append_line(text, "scope-signals", yes_or_no(asked.scope_signals));
}

} // namespace

std::string canonical_text(const Plan& plan) {
    std::string text;
    append_line(text, "plan", "1"); // of this format
    append_line(text, "user", plan.identity ? std::to_string(plan.identity->uid) : "unchanged");
    append_line(text, "group", plan.identity ? std::to_string(plan.identity->gid) : "unchanged");
    append_line(text, "allow-root", yes_or_no(plan.allow_root));
    append_identity(text, plan);
    append_process(text, plan.process);
    append_environment(text, plan.environment);
    for (const SetupStep& step : plan.setup) {
        if (!step.for_app || step.file_mode) {
            append_line(text, "setup", setup_line(step, "app app"));
        } else if (step.kind == SetupKind::kOwn) {
            append_line(text, "own", step.path);
        } else {
            append_line(text, "mkdir", step.path + ":" + octal(step.mode.value_or(0755)));
        }
    }
    append_own_rules(text, plan.own);
    append_handover(text, plan);
    append_line(text, "setup-best-effort", yes_or_no(plan.setup_best_effort));
    append_line(text, "seccomp", plan.seccomp.profile);
    append_confinement(text, plan);
    if (plan.emulate_root != "off") {
        append_line(text, "emulate-root", plan.emulate_root);
    }
    if (plan.emulate_owners) {
        append_line(text, "emulate-owners", "yes");
    }
    append_line(text, "init", yes_or_no(plan.init));
    append_supervision(text, plan.supervision);
    return text;
}

} // namespace stepdown::plan
