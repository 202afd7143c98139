#include "plan/explain.hpp"

#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/capability_names.hpp"
#include "plan/signal_names.hpp"
#include "plan/tmpfiles.hpp"

namespace stepdown::plan {
namespace {

// Stands for the app in every line, so that a name and its numbers are seen together once and again.
std::string owner_of(const Plan& plan) {
    return plan.identity ? fmt::format("{}:{}", plan.identity->uid, plan.identity->gid) : "the ids it was started with";
}

void explain_setup(const Plan& plan, std::vector<PlanStep>& steps) {
    const std::string_view leniency = plan.setup_best_effort ? "skipped with a warning if it cannot be done" : "";
    const std::string app = plan.identity ? fmt::format("{} {}", plan.identity->uid, plan.identity->gid) : "- -";
    if (!plan.account_name.empty()) {
        steps.push_back({"setup", "add the account " + plan.account_name + " to /etc/passwd", "the uid has none"});
    }
    for (const SetupStep& step : plan.setup) {
        steps.push_back({"setup", setup_line(step, app), std::string(leniency)});
    }
}

std::string bracketed(const std::string& host) { return host.contains(':') ? "[" + host + "]" : host; }

// The kinds of --listen as they were written.
std::string socket_name(const ListenSocket& asked) {
    if (asked.kind == ListenSocket::Kind::kUnix) {
        return "unix:" + asked.address;
    }
    return fmt::format("{}:{}:{}", asked.kind == ListenSocket::Kind::kTcp ? "tcp" : "udp", bracketed(asked.address),
                       asked.port);
}

// What else root does before the drop; never what a secret is.
void explain_handover(const Plan& plan, std::vector<PlanStep>& steps) {
    const auto set_up = [&steps](std::string action, std::string_view reason) {
        steps.push_back({"setup", std::move(action), std::string(reason)});
    };
    for (const Secret& secret : plan.secrets) {
        set_up(secret.in_environment ? fmt::format("set {} to the content of {}", secret.name, secret.path)
                                     : fmt::format("copy {} to {}/{}, mode {:04o}, owner {}", secret.path,
                                                   plan.secrets_directory, secret.name, secret.mode, owner_of(plan)),
               "a secret");
    }
    for (const ListenSocket& asked : plan.sockets) {
        set_up("open " + socket_name(asked), "for the app, as " + asked.name + " of LISTEN_FDNAMES");
    }
    for (const std::string& command : plan.hooks.before_drop) {
        set_up("run as root: " + command, "");
    }
    for (const std::string& directory : plan.hooks.before_drop_dirs) {
        set_up("run as root what is in " + directory, "in the order of the names");
    }
}

void explain_receipt(const Plan& plan, std::vector<PlanStep>& steps) {
    if (plan.receipt != "off") {
        steps.push_back({"receipt", "leave the receipt" + (plan.receipt == "auto" ? "" : " in " + plan.receipt),
                         "while root may still write it; verify and exec read it"});
    }
}

template <class Numbers> std::string list_of(const Numbers& numbers) {
    return fmt::format("{}", fmt::join(numbers, ", "));
}

std::string but_descriptors(const Plan& plan) {
    return plan.process.keep_fds.empty() ? "" : " but " + list_of(plan.process.keep_fds);
}

std::string explain_groups(const Groups& groups) {
    if (groups.keep) {
        return "leave the supplementary groups of the start, less group 0" +
               (groups.ids.empty() ? "" : ", and add " + list_of(groups.ids));
    }
    return groups.ids.empty() ? "clear the supplementary groups"
                              : "set the supplementary groups to " + list_of(groups.ids);
}

// What the app inherits beside credentials.
void explain_process(const Plan& plan, std::vector<PlanStep>& steps) {
    const Process& asked = plan.process;
    const auto give = [&steps](std::string action, std::string_view reason) {
        steps.push_back({"process", std::move(action), std::string(reason)});
    };
    if (asked.own_stdio) {
        give("give descriptors 0 to 2 to " + owner_of(plan), "so that the app can open /dev/stdout");
    }
    if (asked.umask) {
        give(fmt::format("set the umask to {:04o}", *asked.umask), "");
    }
    if (!asked.limits.empty()) {
        give(fmt::format("set {} resource limits", asked.limits.size()), "while a hard limit may still be raised");
    }
    if (asked.nice) {
        give(fmt::format("set the nice value to {}", *asked.nice), "");
    }
    if (asked.oom_score_adj) {
        give(fmt::format("set oom_score_adj to {}", *asked.oom_score_adj), "");
    }
}

std::string name_of(const Variable& variable) { return (variable.value ? "set " : "unset ") + variable.name; }

// Names alone: a value may be a secret.
void explain_environment(const EnvironmentRules& rules, std::vector<PlanStep>& steps) {
    const auto change = [&steps](std::string action) { steps.push_back({"environment", std::move(action), ""}); };
    if (rules.clear) {
        change("inherit nothing" + (rules.keep.empty() ? "" : " but " + list_of(rules.keep)));
    }
    for (const std::string& file : rules.files) {
        change("set the variables of " + file);
    }
    for (const Variable& variable : rules.changes) {
        change(name_of(variable));
    }
}

// One step for each row of drop/, told without its mechanics. A test holds the two together.
void explain_drop(const Plan& plan, std::vector<PlanStep>& steps) {
    const auto drop = [&steps](std::string action, std::string_view reason) {
        steps.push_back({"drop", std::move(action), std::string(reason)});
    };
    const auto become = [&plan](std::string_view what, std::optional<std::uint32_t> id) {
        return plan.identity ? fmt::format("become {} {}", what, *id)
                             : fmt::format("keep the {}: no user is named", what);
    };
    const std::optional<Identity>& app = plan.identity;
    const std::string kept = capability_names(plan.kept_capabilities);
    const std::string but = kept.empty() ? "" : " but " + kept;
    drop("close every descriptor above 2" + but_descriptors(plan), "what root opened must not reach the app");
    drop("clear the ambient capabilities" + but, "they would come back at execve");
    drop(kept.empty() ? "empty the bounding set" : "cut the bounding set to " + kept,
         "needs CAP_SETPCAP, so while it is there");
    drop("lock the securebits: uid 0 earns nothing", "needs CAP_SETPCAP, and must come before the ids change");
    drop(explain_groups(plan.groups), "needs CAP_SETGID");
    drop(become("gid", app ? std::optional(app->gid) : std::nullopt), "needs CAP_SETGID");
    drop(become("uid", app ? std::optional(app->uid) : std::nullopt), "last of the ids");
    drop(kept.empty() ? "empty the capability sets" : "give up every capability" + but,
         "after the last call that needs one");
    drop("set no_new_privs", "no program can win them back; the filter needs it");
    drop("become non-dumpable", "the app has this process's uid and must not trace it");
}

std::string list_of(std::string_view word, const auto& items) {
    return items.empty() ? std::string() : fmt::format("{} {}", word, fmt::join(items, ", "));
}

std::string paths_of(const Landlock& asked, FileGrantKind kind, std::string_view word) {
    std::vector<std::string_view> paths;
    for (const FileGrant& file : asked.files) {
        if (file.kind == kind) {
            paths.push_back(file.path);
        }
    }
    return list_of(word, paths);
}

std::string writable_under_read_only_root(const Plan& plan) {
    std::string paths = "/tmp and other places that are everybody's";
    for (const SetupStep& step : plan.setup) {
        paths.append(", ").append(step.path);
    }
    return "write " + paths;
}

void explain_landlock(const Plan& plan, std::string_view who, std::vector<PlanStep>& steps) {
    const Landlock& asked = plan.landlock;
    const std::string_view leniency = asked.mode == LandlockMode::kRequire
                                          ? "Landlock; a kernel that cannot ends the start"
                                          : "Landlock; what the kernel cannot do is left out with a warning";
    const auto leave = [&](std::string_view what, std::initializer_list<std::string> grants) {
        std::string all;
        for (const std::string& grant : grants) {
            all.append(all.empty() || grant.empty() ? "" : "; ").append(grant);
        }
        steps.push_back({"confine", fmt::format("{}leave the app {}: {}", who, what, all), std::string(leniency)});
    };
    if (asked.mode == LandlockMode::kOff) {
        return;
    }
    if (asked.restricts_files()) {
        const bool read_only = asked.read_only_root;
        leave("of files",
              {read_only ? "read and execute /" : "", read_only ? writable_under_read_only_root(plan) : "",
               paths_of(asked, FileGrantKind::kRead, "read"), paths_of(asked, FileGrantKind::kWrite, "write"),
               paths_of(asked, FileGrantKind::kExecute, "execute")});
    }
    if (!asked.connect.empty() || !asked.bind.empty()) {
        leave("of TCP", {list_of("connect to port", asked.connect), list_of("listen on port", asked.bind)});
    }
    if (asked.scope_abstract_sockets || asked.scope_signals) {
        leave("of other processes",
              {asked.scope_abstract_sockets ? "no abstract socket" : "", asked.scope_signals ? "no signal" : ""});
    }
}

void explain_confinement(const Plan& plan, std::string_view who, std::vector<PlanStep>& steps) {
    explain_landlock(plan, who, steps);
    const Seccomp& asked = plan.seccomp;
    if (asked.profile == "off") {
        steps.push_back({"confine", "no system call filter", "it was turned off"});
        return;
    }
    std::string what = asked.profile == "default"  ? "load the built-in system call filter"
                       : asked.profile == "strict" ? "load the strict built-in system call filter"
                                                   : "load the filter of " + asked.profile;
    for (const auto& [word, items] : {std::pair("allowing", &asked.allow), std::pair("refusing", &asked.deny)}) {
        what += items->empty() ? "" : fmt::format(", {} {}", word, fmt::join(*items, ", "));
    }
    steps.push_back({"confine", std::string(who) + what, "last, since it refuses some of the calls above"});
    if (asked.learn) {
        steps.push_back({"confine", "UNSAFE: tell each call that the filter denies, and let it through",
                         "--seccomp-learn: to find out what a filter would deny"});
    } else if (asked.report) {
        steps.push_back({"confine", "tell each call that the filter denies", "the app gets the same errors"});
    }
}

void explain_start(const Plan& plan, std::vector<PlanStep>& steps) {
    const std::string_view who = plan.init ? "in the child: " : "";
    if (plan.emulate_root != "off") {
        steps.push_back(
            {"confine",
             fmt::format("{}emulate root: {}{}", who, plan.emulate_root, plan.emulate_owners ? ", and owners" : ""),
             plan.emulate_root.starts_with("full") ? "PID 1 tells the app what root would be told; nothing "
                                                     "is granted"
                                                   : "a filter tells the app that it is root; nothing is "
                                                     "granted"});
    }
    explain_confinement(plan, who, steps);
    steps.push_back(
        {"verify",
         plan.init ? "read the child's state back from the kernel and compare" : "read the state back and compare",
         "the kernel's word, before the app's first instruction"});
    if (!plan.process.directory.empty()) {
        steps.push_back({"start", "go to " + plan.process.directory, "with the app's rights"});
    }
    for (const std::string& command : plan.hooks.before_start) {
        steps.push_back({"start", "run as the app: " + command, "under its filter"});
    }
    std::string command;
    for (const std::string& word : plan.command) {
        command.append(command.empty() ? "" : " ").append(word);
    }
    steps.push_back(
        {"start", "execute " + (command.empty() ? "the command" : command),
         plan.init ? "then forward signals, reap, end with its status" : "in place of stepdown: nothing supervises"});
}

std::string seconds(std::chrono::milliseconds time) {
    return time.count() % 1000 == 0 ? fmt::format("{} s", time.count() / 1000) : fmt::format("{} ms", time.count());
}

// What was asked for beyond the default.
void explain_supervision(const Plan& plan, std::vector<PlanStep>& steps) {
    const Supervision& asked = plan.supervision;
    const auto supervise = [&steps](std::string action, std::string_view reason) {
        steps.push_back({"supervise", std::move(action), std::string(reason)});
    };
    if (asked.signal_group) {
        supervise("send signals to the app's whole process group", "");
    }
    if (asked.stop_signal != 0) {
        supervise("when TERM arrives send " + signal_name(asked.stop_signal), "the stop signal");
    }
    for (const auto& [from, to] : asked.signals) {
        supervise(to == 0 ? fmt::format("drop {}", signal_name(from))
                          : fmt::format("when {} arrives send {}", signal_name(from), signal_name(to)),
                  "");
    }
    if (asked.stop_delay) {
        supervise("send the first stop signal on " + seconds(*asked.stop_delay) + " after it came",
                  "stepdown ready says no meanwhile");
    }
    if (asked.grace) {
        supervise("kill the app " + seconds(*asked.grace) + " after it got the first stop signal",
                  "if it has not ended");
    }
    if (asked.drain != Supervision().drain) {
        supervise("kill what the app left behind " + seconds(asked.drain) + " after its end", "TERM comes first");
    }
    for (const auto& [from, to] : asked.exit_statuses) {
        supervise(fmt::format("end with {} when the app's status is {}", to, from), "");
    }
    if (asked.forking) {
        supervise(
            "when the app has forked and ended go on with " +
                (asked.pid_file.empty() ? "the only process left" : "the process that " + asked.pid_file + " names"),
            "its end is the app's then");
    }
    if (asked.ready.kind != Readiness::Kind::kNone) {
        supervise("know by " + in_words(asked.ready) + " that the app is ready", "stepdown ready asks");
    }
    if (asked.watchdog) {
        supervise("abort the app when it is silent for " + seconds(*asked.watchdog),
                  "WATCHDOG=1 says that it is alive");
    }
    if (asked.new_session) {
        supervise("the app leads a session of its own", "unless it is given the terminal");
    }
    if (asked.job_control) {
        supervise("stop as well when TSTP, TTIN or TTOU has been sent on", "for the shell that started it");
    }
    if (asked.log_orphans) {
        supervise("log each orphan that is reaped", "");
    }
    if (asked.kill_on_orphan) {
        supervise("the app is killed if stepdown ends before it", "");
    }
    if (asked.parent_death_signal != 0) {
        supervise("get " + signal_name(asked.parent_death_signal) + " when the parent of stepdown ends",
                  "and send it on");
    }
}

} // namespace

std::string in_words(const WaitFor& target) {
    switch (target.kind) {
    case WaitFor::Kind::kTcp:
        return fmt::format("tcp:{}:{}", bracketed(target.target), target.port);
    case WaitFor::Kind::kUnix:
        return "unix:" + target.target;
    case WaitFor::Kind::kFile:
        break;
    }
    return "file:" + target.target;
}

std::vector<PlanStep> explain(const Plan& plan) {
    std::vector<PlanStep> steps;
    explain_setup(plan, steps);
    explain_handover(plan, steps);
    explain_process(plan, steps);
    explain_environment(plan.environment, steps);
    explain_receipt(plan, steps);
    explain_drop(plan, steps);
    for (const WaitFor& target : plan.wait_for) {
        steps.push_back({"wait", "until " + in_words(target) + " answers", "without any privilege"});
    }
    explain_start(plan, steps);
    if (plan.init) {
        explain_supervision(plan, steps);
    }
    return steps;
}

} // namespace stepdown::plan
