#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "commands/handover.hpp"
#include "commands/start.hpp"
#include "plan/environment.hpp"
#include "setup/secret.hpp"
#include "setup/trusted.hpp"

namespace stepdown::commands {
namespace {

constexpr std::string_view kListenPid = "LISTEN_PID=";

// A file is read as root, and so by no link that the app may have planted.
Result<> add_files(sys::Kernel& kernel, const Plan& plan, std::vector<Variable>& changes) {
    for (const std::string& path : plan.environment.files) {
        const auto file = setup::open_trusted(kernel, path);
        const auto text = file ? kernel.read_whole(*file) : std::unexpected(file.error());
        if (!text) {
            return call_failed(ExitCode::kUsage, "--env-file: cannot read " + path, "openat2", text.error(),
                               "it must be a regular file, and links on its path root's");
        }
        auto variables = plan::read_variables(*text, path);
        if (!variables) {
            return std::unexpected(variables.error());
        }
        for (Variable& variable : *variables) {
            const char* const inherited = variable.value ? nullptr : ::getenv(variable.name.c_str());
            if (inherited != nullptr) {
                variable.value = inherited;
            }
            if (variable.value) {
                changes.push_back(std::move(variable));
            }
        }
    }
    return {};
}

Result<> add_secrets(sys::Kernel& kernel, const Plan& plan, std::vector<Variable>& changes) {
    for (const Secret& secret : plan.secrets) {
        const std::string as_file = secret.name + "_FILE";
        for (const std::string& name : {secret.name, as_file}) {
            if (::getenv(name.c_str()) != nullptr) {
                return fail(ExitCode::kUsage, "--secret: " + secret.name + " is given by the variable " + name +
                                                  " too: take one of them away");
            }
            if (std::ranges::contains(changes, name, &Variable::name)) {
                return fail(ExitCode::kUsage, "--secret: " + secret.name + " is given by --env or --env-file as " +
                                                  name + " too: take one of them away");
            }
        }
        if (!secret.in_environment) {
            changes.push_back({as_file, plan.secrets_directory + "/" + secret.name});
            continue;
        }
        auto text = setup::read_secret(kernel, secret);
        if (!text) {
            return std::unexpected(text.error());
        }
        if (text->ends_with('\n')) { // as the shell's $(cat FILE) has it
            text->pop_back();
        }
        if (text->contains('\0')) {
            return fail(ExitCode::kSetup, "--secret: " + secret.path + " holds a zero byte, which no variable can");
        }
        changes.push_back({secret.name, std::move(*text)});
    }
    return {};
}

// What socket activation handed to us, and --keep-fd or a start as is hands on, is for the pid that the app will have.
bool is_activated(const Plan& plan) {
    const char* const pid = ::getenv("LISTEN_PID");
    return (plan.as_is || !plan.process.keep_fds.empty()) && pid != nullptr && std::to_string(::getpid()) == pid;
}

void add_listen_variables(const Plan& plan, std::vector<Variable>& changes) {
    const std::string room(kPidDigits - 1, '0'); // for the app's own pid
    if (plan.sockets.empty()) {
        if (is_activated(plan)) {
            changes.push_back({"LISTEN_PID", room});
        }
        return;
    }
    std::string names;
    for (const ListenSocket& asked : plan.sockets) {
        names.append(names.empty() ? "" : ":").append(asked.name);
    }
    changes.push_back({"LISTEN_PID", room});
    changes.push_back({"LISTEN_FDS", std::to_string(plan.sockets.size())});
    changes.push_back({"LISTEN_FDNAMES", std::move(names)});
}

// A start as is hands on all that it was given; what this process has opened itself is close-on-exec.
Result<> check_ready_descriptor(const Plan& plan) {
    const Readiness& ready = plan.supervision.ready;
    if (!plan.as_is || ready.kind != Readiness::Kind::kDescriptor) {
        return {};
    }
    const int flags = ::fcntl(ready.number, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) != 0) {
        return {};
    }
    return fail(ExitCode::kUsage, source_of(plan, "ready").where + ": descriptor " + std::to_string(ready.number) +
                                      " is open already, and handed on to the app: choose another");
}

} // namespace

Result<std::vector<Variable>> environment_changes(sys::Kernel& kernel, const Plan& plan) {
    if (auto free = check_ready_descriptor(plan); !free) {
        return std::unexpected(free.error());
    }
    std::vector<Variable> changes;
    if (auto added = add_files(kernel, plan, changes); !added) {
        return std::unexpected(added.error());
    }
    changes.append_range(plan.environment.changes);
    if (auto added = add_secrets(kernel, plan, changes); !added) {
        return std::unexpected(added.error());
    }
    add_listen_variables(plan, changes);
    return changes;
}

Result<> check_kept_descriptors(const Plan& plan) {
    for (const int descriptor : plan.process.keep_fds) {
        if (::fcntl(descriptor, F_GETFD) < 0) {
            return fail(ExitCode::kUsage,
                        fmt::format("{}: descriptor {} is not open: whoever starts this must pass it, "
                                    "or leave the option out",
                                    source_of(plan, "keep-fd").where, descriptor));
        }
    }
    return {};
}

std::vector<int> descriptors_of(const Plan& plan) {
    std::vector<int> descriptors;
    for (std::size_t i = 0; i < plan.sockets.size(); ++i) {
        descriptors.push_back(kFirstListened + static_cast<int>(i));
    }
    descriptors.append_range(plan.process.keep_fds);
    return descriptors;
}

Result<> place_sockets(std::span<const sys::Fd> sockets) {
    for (int fd = kFirstListened; const sys::Fd& socket : sockets) {
        if (::dup2(socket.get(), fd++) < 0) {
            return call_failed(ExitCode::kDrop, "cannot put a listening socket in its place", "dup2", errno);
        }
    }
    return {};
}

char* listen_pid_in(std::span<char* const> environment) {
    for (char* const entry : environment) { // its end is a null pointer
        const bool is_ours = entry != nullptr && std::strncmp(entry, kListenPid.data(), kListenPid.size()) == 0;
        const std::string_view text = is_ours ? entry : "";
        if (is_ours && text.size() == kListenPid.size() + kPidDigits - 1 &&
            text.substr(kListenPid.size()).find_first_not_of('0') == std::string_view::npos) {
            return entry + kListenPid.size();
        }
    }
    return nullptr;
}

// sd_listen_fds(3): descriptors are for the process that LISTEN_PID names, so it is written by that process itself.
void write_listen_pid(char* place) noexcept {
    char digits[kPidDigits];
    int count = 0;
    for (pid_t rest = ::getpid(); rest != 0 && count < kPidDigits - 1; rest /= 10) {
        digits[count++] = static_cast<char>('0' + rest % 10);
    }
    while (count > 0) {
        *place++ = digits[--count];
    }
    *place = '\0';
}

} // namespace stepdown::commands
