#include "plan/validate.hpp"

#include <algorithm>
#include <csignal>
#include <string>
#include <string_view>

#include "plan/path.hpp"

namespace stepdown::plan {
namespace {

// The place an option was written, to begin a line with: "--user: ". Empty if nobody wrote it.
std::string at(const Plan& plan, std::string_view option) {
    const auto setting = std::ranges::find(plan.settings, option, &Setting::name);
    if (setting == plan.settings.end()) {
        return {};
    }
    const bool names_option =
        setting->source.kind == SourceKind::kFlag || setting->source.kind == SourceKind::kEnvironment;
    return setting->source.where + ": " + (names_option ? "" : std::string(option) + ": ");
}

std::string_view option_of(SetupKind kind) { return kind == SetupKind::kMakeDirectory ? "mkdir" : "own"; }

Result<> check_setup(const Plan& plan) {
    constexpr std::uint32_t kPermissionBits = 07777;
    for (const SetupStep& step : plan.setup) {
        if (!step.for_app) {
            continue; // a line, judged when it was resolved
        }
        const std::string quoted = at(plan, option_of(step.kind)) + "\"" + step.path + "\" ";
        if (const std::string_view fault = path_fault(step.path); !fault.empty()) {
            return fail(ExitCode::kUsage, quoted + std::string(fault));
        }
        if (step.mode && *step.mode > kPermissionBits) {
            return fail(ExitCode::kUsage, quoted + "is given a mode above 7777");
        }
        if (step.kind == SetupKind::kOwn && !plan.identity) {
            return fail(ExitCode::kUsage, quoted + "cannot be given to the app's user: no user named; add --user=USER");
        }
    }
    return {};
}

// sd_listen_fds(3) has the sockets from descriptor 3 on.
Result<> check_descriptors(const Plan& plan) {
    const auto end = 3 + static_cast<int>(plan.sockets.size());
    if (!plan.sockets.empty() && !plan.process.keep_fds.empty() && plan.process.keep_fds.front() < end) {
        return fail(ExitCode::kUsage, at(plan, "keep-fd") + std::to_string(plan.process.keep_fds.front()) +
                                          " is where a socket of --listen has to be: pass it as " +
                                          std::to_string(end) + " or above");
    }
    const Readiness& ready = plan.supervision.ready;
    if (ready.kind != Readiness::Kind::kDescriptor) {
        return {};
    }
    const bool is_socket = !plan.sockets.empty() && ready.number < end;
    if (is_socket || std::ranges::contains(plan.process.keep_fds, ready.number)) {
        return fail(ExitCode::kUsage, at(plan, "ready") + "the app has something else as descriptor " +
                                          std::to_string(ready.number) + ", by " +
                                          (is_socket ? "--listen" : "--keep-fd") + ": choose another");
    }
    return {};
}

// gosu root: a word about confinement must not be passed over.
Result<> check_as_is(const Plan& plan) {
    if (!plan.as_is || !plan.callers_gid) {
        return {};
    }
    const std::string_view option = plan.seccomp.profile != "off"        ? "seccomp"
                                    : plan.emulate_root != "off"         ? "emulate-root"
                                    : plan.landlock.restricts_anything() ? "landlock"
                                                                         : "";
    return option.empty() ? Result<>()
                          : fail(ExitCode::kUsage, at(plan, option) + "root keeps all it has here and is not confined: "
                                                                      "leave it out, or name another user");
}

Result<> check_supervision(const Plan& plan) {
    const Supervision& asked = plan.supervision;
    const bool term_too = std::ranges::contains(asked.signals, SIGTERM, &SignalRewrite::from);
    if (!plan.init && (asked.forking || asked.watchdog || asked.ready.kind != Readiness::Kind::kNone)) {
        return fail(ExitCode::kUsage, "forking, ready and watchdog are PID 1's work: leave out --no-init");
    }
    if (!asked.pid_file.empty() && !asked.forking) {
        return fail(ExitCode::kUsage, at(plan, "pidfile") + "only --forking reads one: add that, or leave this out");
    }
    if (asked.watchdog && asked.watchdog->count() == 0) {
        return fail(ExitCode::kUsage, at(plan, "watchdog") + "is no time at all: leave it out to have none");
    }
    if (asked.watchdog && asked.ready.kind == Readiness::Kind::kDescriptor) {
        return fail(ExitCode::kUsage, at(plan, "watchdog") + "comes by sd_notify(3), ready by a descriptor: choose "
                                                             "--ready=notify");
    }
    const bool notifies = asked.watchdog || asked.ready.kind == Readiness::Kind::kNotify;
    if (notifies && plan.landlock.scope_abstract_sockets && plan.landlock.mode != LandlockMode::kOff) {
        return fail(ExitCode::kUsage, at(plan, "scope") + "abstract keeps the app from NOTIFY_SOCKET, which is such a "
                                                          "socket of PID 1's, and --ready=notify and --watchdog need "
                                                          "it: leave one out");
    }
    if (asked.forking && asked.kill_on_orphan) {
        return fail(ExitCode::kUsage, at(plan, "kill-on-orphan") + "only the app's first process would be killed, and "
                                                                   "with --forking another goes on: leave one out");
    }
    if (asked.stop_signal != 0 && term_too) {
        return fail(ExitCode::kUsage, at(plan, "stop-signal") + "this and signal both say what TERM is sent on as: "
                                                                "leave one out");
    }
    return {};
}

// Those that refuse to be root, which a plain uid suits.
constexpr std::string_view kRootIsRefusedBy[] = {"postgres", "mariadbd", "mysqld", "memcached"};

Result<> check_emulation(Plan& plan) {
    if (plan.emulate_owners && !plan.emulate_root.starts_with("full")) {
        return fail(ExitCode::kUsage, at(plan, "emulate-owners") +
                                          "only with --emulate-root=full is there anybody who could remember owners");
    }
    if (plan.emulate_root == "off") {
        return {};
    }
    if (plan.emulate_root.starts_with("full") && !plan.init) {
        return fail(ExitCode::kUsage, at(plan, "emulate-root") +
                                          "full needs PID 1 to answer, and --no-init leaves none: write ids, or leave "
                                          "--no-init out");
    }
    const std::string_view program = plan.command.empty() ? std::string_view() : plan.command.front();
    const std::string_view name = program.substr(program.rfind('/') + 1);
    if (std::ranges::contains(kRootIsRefusedBy, name)) {
        plan.warnings.push_back(at(plan, "emulate-root") + std::string(name) +
                                " refuses to be root: leave this out, it runs as any user");
    }
    return {};
}

Result<> check_listening(Plan& plan) {
    const Seccomp& asked = plan.seccomp;
    if (!asked.listens()) {
        return {};
    }
    const std::string_view option = asked.learn ? "seccomp-learn" : asked.report ? "seccomp-report" : "output";
    if (!plan.init) {
        return fail(ExitCode::kUsage, at(plan, option) + "needs PID 1 to hear of the calls, and --no-init leaves none: "
                                                         "leave one of the two out");
    }
    if (asked.profile == "off" && asked.record.empty()) {
        return fail(ExitCode::kUsage, at(plan, option) + "--seccomp=off denies nothing that could be told: choose a "
                                                         "filter, or leave this out");
    }
    if (asked.learn) {
        plan.warnings.push_back(at(plan, option) + "UNSAFE: what the filter denies is told and let through; the app "
                                                   "runs as if there were no filter");
    }
    return {};
}

void warn_of_ids(Plan& plan) {
    constexpr uid_t kFirstUserOfHost = 1000;
    constexpr uid_t kFirstUnlikely = 10000;
    const Identity& identity = *plan.identity;
    const std::string uid = at(plan, "user") + "uid " + std::to_string(identity.uid);
    constexpr std::string_view kBetter = "; a fixed uid of 10000 or more is nobody's";
    if (identity.uid == 0) {
        return; // asked for in so many words
    }
    if (identity.uid < kFirstUserOfHost) {
        if (identity.user_name.empty()) {
            plan.warnings.push_back(uid +
                                    " is below 1000 and no system account of this image: it may be one of the host" +
                                    std::string(kBetter));
        }
    } else if (identity.uid < kFirstUnlikely) {
        plan.warnings.push_back(uid + " is likely to be a person's on the host" + std::string(kBetter));
    }
}

} // namespace

Result<> refuse_root(const Plan& plan) {
    if (!plan.identity || plan.allow_root || (plan.identity->uid != 0 && plan.identity->gid != 0)) {
        return {};
    }
    const std::string which = plan.identity->uid == 0 ? "uid 0" : "gid 0";
    return fail(ExitCode::kUsage, at(plan, "user") + "\"" + plan.user_spec + "\" is " + which +
                                      ": name another, or write --allow-root if it must be");
}

Result<> check(Plan& plan) {
    if (!plan.user_spec.empty() && !plan.identity) {
        return fail(ExitCode::kInternal, "the user was named but never resolved");
    }
    if (!plan.command.empty() && plan.command.front().empty()) {
        return fail(ExitCode::kUsage, "the command is an empty word: name a program");
    }
    if (auto allowed = refuse_root(plan); !allowed) {
        return allowed;
    }
    if (auto checked = check_setup(plan); !checked) {
        return checked;
    }
    if (auto checked = check_descriptors(plan); !checked) {
        return checked;
    }
    if (auto checked = check_as_is(plan); !checked) {
        return checked;
    }
    if (auto checked = check_supervision(plan); !checked) {
        return checked;
    }
    if (auto checked = check_emulation(plan); !checked) {
        return checked;
    }
    if (auto checked = check_listening(plan); !checked) {
        return checked;
    }
    if (plan.identity) {
        warn_of_ids(plan);
    }
    return {};
}

} // namespace stepdown::plan
