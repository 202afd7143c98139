#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "commands/account.hpp"
#include "commands/handover.hpp"
#include "commands/process.hpp"
#include "commands/start.hpp"
#include "confine/heard.hpp"
#include "confine/landlock.hpp"
#include "confine/plain_tcp.hpp"
#include "drop/drop.hpp"
#include "plan/capability_names.hpp"
#include "plan/program.hpp"
#include "plan/wanted.hpp"

namespace stepdown::commands {
namespace {

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

// capabilities(7), "File capabilities": struct vfs_cap_data of linux/capability.h, little-endian. 0 where there are
// none.
std::uint64_t file_capabilities(const char* path) {
    vfs_ns_cap_data data{};
    const ssize_t length = ::getxattr(path, "security.capability", &data, sizeof data);
    if (length < static_cast<ssize_t>(sizeof(__le32) * 3)) {
        return 0;
    }
    return data.data[0].permitted | static_cast<std::uint64_t>(data.data[1].permitted) << 32;
}

// A program that is to have what no_new_privs and the bounding set keep from it runs without, or does not start at all.
void warn_of_file_capabilities(Plan& plan, const Program& program) {
    for (const std::string& path : program.candidates) {
        if (::access(path.c_str(), X_OK) != 0) {
            continue;
        }
        const std::string interpreter = interpreter_of(path.c_str());
        const std::string& loaded = interpreter.empty() ? path : interpreter; // of a script only that one's count
        if (const std::uint64_t lost = file_capabilities(loaded.c_str()) & ~plan.kept_capabilities; lost != 0) {
            plan.warnings.push_back(
                (interpreter.empty() ? path : path + ": its interpreter " + interpreter) +
                " has file capabilities that it cannot have under no_new_privs: " + plan::capability_names(lost) +
                "; keep them with --keep-cap, or setcap -r the file");
        }
        return;
    }
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
    program.listen_pid = listen_pid_in(program.envp);
    return program;
}

// The numbers of kept are the app's, or taken already; ascending.
Result<> put_above(sys::Kernel& kernel, sys::Fd& own, std::vector<int>& kept) {
    if (!own) {
        return {};
    }
    sys::Sys<sys::Fd> moved = kernel.move_descriptor(std::move(own), kept.empty() ? 3 : kept.back() + 1);
    if (!moved) {
        return call_failed(ExitCode::kConfine, "cannot keep a descriptor that the drop must not close",
                           "fcntl F_DUPFD_CLOEXEC", moved.error());
    }
    own = std::move(*moved);
    kept.push_back(own.get());
    return {};
}

} // namespace

Facts observe_self(sys::Kernel& kernel) {
    const auto facts = read_account(kernel, open_account(kernel, 0));
    return facts ? *facts : kernel.own_facts();
}

Result<> step_down(sys::Kernel& kernel, Start& start) {
    const Process& asked = start.plan.process;
    if (Result<> given = give_process(kernel, asked); !given) {
        return given;
    }
    std::vector<int> kept = start.handed_over;
    sys::Fd none;
    sys::Fd& error = start.own_error ? start.own_error->fd : none;
    for (sys::Fd* own : {&start.rules, &start.denials.fd, &start.recorded.fd, &error}) {
        if (Result<> moved = put_above(kernel, *own, kept); !moved) {
            return moved;
        }
    }
    if (Result<> placed = place_sockets(start.sockets); !placed) {
        return placed;
    }
    if (Result<> dropped = start.plan.callers_gid ? drop::step_down_with_descriptors(kernel, start.before, start.wanted)
                                                  : drop::step_down(kernel, start.before, start.wanted, kept);
        !dropped) {
        return dropped;
    }
    return enter_directory(asked);
}

std::vector<std::string> setup_paths(const Plan& plan) {
    std::vector<std::string> paths;
    for (const SetupStep& step : plan.setup) {
        paths.push_back(step.path);
    }
    return paths;
}

Result<> make_rules(sys::Kernel& kernel, const Plan& plan, sys::Fd& rules, const Log& log) {
    if (!plan.landlock.restricts_anything()) {
        return {};
    }
    Result<confine::Ruleset> made = confine::make_ruleset(kernel, plan.landlock, setup_paths(plan));
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
    rules = std::move(made->fd);
    return {};
}

// The kernel refuses TSYNC with a listener, and the child has no second thread that the filter is for.
Launch launch_of(Start& start, const supervise::SignalState& given) {
    const bool landlocked = static_cast<bool>(start.rules);
    const bool heard = !start.heard.empty();
    const unsigned flags = start.filter.flags();
    return {.program = start.program,
            .hooks = start.plan.hooks,
            .filter = heard ? std::span<const sock_filter>() : start.filter.program(),
            .wanted = start.wanted,
            .given_signals = given,
            .filter_flags = heard ? flags & ~unsigned{SECCOMP_FILTER_FLAG_TSYNC} : flags,
            .ruleset = std::move(start.rules),
            .landlocked = landlocked,
            .as_is = start.plan.as_is,
            .new_session = start.plan.supervision.new_session,
            .dies_with_parent = start.plan.supervision.kill_on_orphan,
            .emulation = heard ? std::span<const sock_filter>(start.heard) : start.emulation.filter.program(),
            .listened = heard || start.emulation.listens(),
            .heard = heard,
            .handed_over = start.handed_over};
}

confine::BuiltIn own_filter_of(const Start& start) {
    if (start.emulation.listens()) {
        return confine::BuiltIn::kPid1Listener; // which may open as well
    }
    if (!start.heard.empty()) {
        return confine::BuiltIn::kPid1Hearing; // likewise
    }
    return start.plan.supervision.log_orphans || !start.plan.supervision.pid_file.empty()
               ? confine::BuiltIn::kPid1Opening
               : confine::BuiltIn::kPid1;
}

Result<confine::Filter> filter_of(sys::Kernel& kernel, Plan& plan) {
    if (plan.as_is) {
        return confine::Filter();
    }
    return confine::filter_for(kernel, plan.seccomp, plan.warnings, plan::capability_names(plan.kept_capabilities, " "))
        .and_then([&plan](confine::Filter filter) {
            return confine::keep_to_plain_tcp(std::move(filter), plan.landlock, plan.warnings);
        });
}

Result<Start> prepare(sys::Kernel& kernel, const Plan& asked) {
    Plan plan = asked;
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
    Result<confine::Filter> filter = filter_of(kernel, plan);
    if (!filter) {
        return std::unexpected(filter.error());
    }
    start.filter = std::move(*filter);
    start.emulation = *root_emulation_of(plan);
    if (!plan.as_is && plan.seccomp.listens()) {
        auto heard = confine::heard(start.filter.program(), start.emulation.filter.program(),
                                    plan.seccomp.record.empty() ? confine::Hears::kDenials : confine::Hears::kAll);
        if (!heard) {
            return std::unexpected(heard.error());
        }
        start.heard = std::move(*heard);
    }
    for (std::string& warning : plan::start_warnings(plan, start.before)) {
        plan.warnings.push_back(std::move(warning));
    }
    const Result<std::vector<Variable>> changes = environment_changes(kernel, plan);
    if (!changes) {
        return std::unexpected(changes.error());
    }
    start.environment = plan::app_environment(environ, plan.identity, plan.environment, *changes);
    start.handed_over = descriptors_of(plan);
    start.plan = std::move(plan);
    start.program = program_of(start.plan, start.environment.entries);
    warn_of_file_capabilities(start.plan, start.program);
    return start;
}

} // namespace stepdown::commands
