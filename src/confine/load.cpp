#include "confine/load.hpp"

#include <cerrno>
#include <cstring>
#include <expected>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <sys/stat.h>

#include "confine/compile.hpp"
#include "confine/digest.hpp"
#include "confine/evaluate.hpp"
#include "confine/read.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

// Links are followed: mounted configuration is full of them, and nothing is gained by a profile that root may read.
sys::Sys<std::string> contents(sys::Kernel& kernel, const std::string& path) {
    const sys::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status = {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        return std::unexpected(errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return std::unexpected(S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
    }
    return kernel.read_whole(file);
}

bool lets_execute(std::span<const sock_filter> program, Architecture native) {
    seccomp_data call = {};
    call.nr = static_cast<int>(entries_of("execve", native).front().number);
    call.arch = facts_of(native).audit;
    const std::optional<Action> action = evaluate(program, call);
    return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

std::string_view advice(int error) {
    switch (error) {
    case EACCES:
        return "no_new_privs is not set";
    case EINVAL:
        return "the kernel has no seccomp filters, or refuses this program";
    case ENOMEM:
        return "too many filters are attached already, or memory is short";
    case ENOSYS:
    case EPERM:
        return "an outer seccomp profile forbids seccomp(2): allow it there, or start with --seccomp=off";
    default:
        return "start with --seccomp=off to do without";
    }
}

} // namespace

Result<Filter> filter_for(sys::Kernel& kernel, const std::string& value) {
    if (value == "default") {
        return Filter(BuiltIn::kDefault);
    }
    if (value == "off") {
        return Filter();
    }
    const sys::Sys<std::string> text = contents(kernel, value);
    if (!text) {
        return fail(ExitCode::kUsage,
                    fmt::format("seccomp profile {}: {}; give \"default\", \"off\" or a readable file", value,
                                std::strerror(text.error())));
    }
    const Machine machine = this_machine();
    Result<std::vector<sock_filter>> program = read_profile(*text, machine).and_then(compile);
    if (!program) {
        return fail(program.error().code, fmt::format("seccomp profile {}: {}", value, program.error().line));
    }
    if (!lets_execute(*program, machine.native)) {
        return fail(ExitCode::kUsage,
                    fmt::format("seccomp profile {}: forbids execve, so no app could start; allow it", value));
    }
    std::string digest = sha256(*program);
    return Filter(std::move(*program), std::move(digest));
}

Result<> load(sys::Kernel& kernel, std::span<const sock_filter> program) {
    if (program.empty()) {
        return fail(ExitCode::kInternal, "an empty seccomp filter was to be loaded");
    }
    if (const sys::Sys<> loaded = kernel.load_filter(program); !loaded) {
        return fail(ExitCode::kConfine, fmt::format("cannot load the seccomp filter: {}: {}",
                                                    std::strerror(loaded.error()), advice(loaded.error())));
    }
    return {};
}

} // namespace stepdown::confine
