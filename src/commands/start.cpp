#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/account.hpp"
#include "commands/start.hpp"
#include "confine/landlock.hpp"
#include "drop/drop.hpp"
#include "plan/program.hpp"
#include "plan/user_spec.hpp"
#include "plan/validate.hpp"
#include "plan/wanted.hpp"

namespace stepdown::commands {
namespace {

// A whole file of the image, or "" where it does not exist: for numbers no account is needed.
Result<std::string> read_account_file(sys::Kernel& kernel, const char* path) {
    const sys::Fd file(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) {
        return errno == ENOENT ? Result<std::string>(std::string())
                               : call_failed(ExitCode::kUsage, std::string("cannot read ") + path, "open", errno);
    }
    auto text = kernel.read_whole(file);
    if (!text) {
        return call_failed(ExitCode::kUsage, std::string("cannot read ") + path, "read", text.error());
    }
    return std::move(*text);
}

// A setuid copy of this program would hand its caller's words root's rights.
Result<> refuse_setuid() {
    struct stat own{};
    const bool setuid_file = ::stat("/proc/self/exe", &own) == 0 && (own.st_mode & (S_ISUID | S_ISGID)) != 0;
    if (setuid_file || ::getauxval(AT_SECURE) != 0) {
        return fail(ExitCode::kUsage,
                    "this program's file is setuid, setgid or has file capabilities: refused; "
                    "remove them (chmod u-s,g-s, setcap -r), the container's start gives what is needed");
    }
    return {};
}

const char* value_of(const std::vector<const char*>& environment, std::string_view name) {
    for (const char* entry : environment) {
        if (entry != nullptr && std::string_view(entry).starts_with(name)) {
            return entry + name.size();
        }
    }
    return "";
}

// Only execve(2) takes them as pointers to writable text, and writes nothing.
char* writable(const char* text) { return const_cast<char*>(text); }

Program program_of(const Plan& plan, const std::vector<const char*>& environment) {
    Program program{.candidates = plan::program_candidates(plan.command.front(), value_of(environment, "PATH=")),
                    .argv = {},
                    .envp = {}};
    for (const std::string& word : plan.command) {
        program.argv.push_back(writable(word.c_str()));
    }
    program.argv.push_back(nullptr);
    for (const char* entry : environment) {
        program.envp.push_back(writable(entry));
    }
    return program;
}

} // namespace

Source source_of(const Plan& plan, std::string_view option) {
    for (const Setting& setting : plan.settings) {
        if (setting.name == option) {
            return setting.source;
        }
    }
    return {};
}

Facts observe_self(sys::Kernel& kernel) {
    const auto facts = read_account(kernel, open_account(kernel, 0));
    return facts ? *facts : kernel.own_facts();
}

Result<> resolve(sys::Kernel& kernel, Plan& plan) {
    if (!plan.user_spec.empty()) {
        const Result<std::string> passwd = read_account_file(kernel, "/etc/passwd");
        if (!passwd) {
            return std::unexpected(passwd.error());
        }
        const std::size_t colon = plan.user_spec.find(':');
        const bool names_group = colon != std::string::npos &&
                                 plan.user_spec.find_first_not_of("0123456789", colon + 1) != std::string::npos;
        const Result<std::string> group = names_group ? read_account_file(kernel, "/etc/group") : std::string();
        if (!group) {
            return std::unexpected(group.error());
        }
        Result<Identity> identity =
            plan::resolve_user(plan.user_spec, *passwd, *group, source_of(plan, "user"), ::getuid());
        if (!identity) {
            return std::unexpected(identity.error());
        }
        plan.identity = std::move(*identity);
    }
    if (const auto emulation = root_emulation_of(plan); !emulation) {
        return std::unexpected(emulation.error());
    }
    return plan::check(plan);
}

Result<> make_rules(sys::Kernel& kernel, const Plan& plan, sys::Fd& rules, const Log& log) {
    if (!plan.landlock.restricts_anything()) {
        return {};
    }
    std::vector<std::string> state;
    for (const SetupStep& step : plan.setup) {
        state.push_back(step.path);
    }
    Result<confine::Ruleset> made = confine::make_ruleset(kernel, plan.landlock, state);
    if (!made) {
        return std::unexpected(made.error());
    }
    for (const std::string& warning : made->warnings) {
        log.warn(warning);
    }
    if (!made->fd) {
        return {};
    }
    log.info("landlock: version " + std::to_string(made->abi));
    sys::Sys<sys::Fd> kept = kernel.move_descriptor(std::move(made->fd), drop::kFirstKept);
    if (!kept) {
        return call_failed(ExitCode::kConfine, "cannot keep the Landlock rules", "dup3", kept.error());
    }
    rules = std::move(*kept);
    return {};
}

Result<> step_down(sys::Kernel& kernel, const Start& start) {
    return drop::step_down(kernel, start.before, start.wanted, start.rules ? 1 : 0);
}

Launch launch_of(Start& start, const supervise::SignalState& given) {
    const bool landlocked = static_cast<bool>(start.rules);
    return {.program = start.program,
            .filter = start.filter.program(),
            .wanted = start.wanted,
            .given_signals = given,
            .filter_flags = start.filter.flags(),
            .ruleset = std::move(start.rules),
            .landlocked = landlocked,
            .as_is = start.plan.as_is,
            .new_session = start.plan.supervision.new_session,
            .dies_with_parent = start.plan.supervision.kill_on_orphan,
            .emulation = start.emulation.filter.program(),
            .listened = start.emulation.listens()};
}

confine::BuiltIn own_filter_of(const Start& start) {
    if (start.emulation.listens()) {
        return confine::BuiltIn::kPid1Listener; // which may open as well
    }
    return start.plan.supervision.log_orphans || !start.plan.supervision.pid_file.empty()
               ? confine::BuiltIn::kPid1Opening
               : confine::BuiltIn::kPid1;
}

Result<Start> prepare(sys::Kernel& kernel, Plan plan) {
    if (Result<> allowed = refuse_setuid(); !allowed) {
        return std::unexpected(allowed.error());
    }
    if (Result<> resolved = resolve(kernel, plan); !resolved) {
        return std::unexpected(resolved.error());
    }
    Start start;
    start.before = observe_self(kernel);
    const Result<Facts> wanted = plan::wanted(plan, start.before);
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    start.wanted = plan.as_is ? *wanted : plan::with_filter(plan, *wanted);
    const Seccomp asked = plan.as_is ? Seccomp{.profile = "off"} : plan.seccomp;
    Result<confine::Filter> filter = confine::filter_for(kernel, asked, plan.warnings);
    if (!filter) {
        return std::unexpected(filter.error());
    }
    start.filter = std::move(*filter);
    start.emulation = *root_emulation_of(plan);
    for (std::string& warning : plan::start_warnings(plan, start.before)) {
        plan.warnings.push_back(std::move(warning));
    }
    start.environment = plan::app_environment(environ, plan.identity);
    start.plan = std::move(plan);
    start.program = program_of(start.plan, start.environment.entries);
    return start;
}

} // namespace stepdown::commands
