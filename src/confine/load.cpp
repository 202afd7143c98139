#include "confine/load.hpp"

#include <cerrno>
#include <cstring>
#include <expected>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <sys/stat.h>

#include "confine/adjust.hpp"
#include "confine/answers.hpp"
#include "confine/compile.hpp"
#include "confine/digest.hpp"
#include "confine/read.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

std::string_view advice(int error, unsigned flags) {
    switch (error) {
    case EACCES:
        return "no_new_privs is not set";
    case EINVAL:
        return flags == 0 ? "the kernel has no seccomp filters, or refuses this program"
                          : "the kernel has no seccomp filters, or refuses this program, or one of the profile's flags";
    case ENOMEM:
        return "too many filters are attached already, or memory is short";
    case ENOSYS:
    case EPERM:
        return "an outer seccomp profile forbids seccomp(2): allow it there, or start with --seccomp=off";
    default:
        return "start with --seccomp=off to do without";
    }
}

Result<Source> from_profile(std::string_view text, const Machine& machine, const Seccomp& asked, Ignored* ignored) {
    Result<Profile> profile = read_profile(text, machine, ignored);
    if (machine.own_source) {
        profile = std::move(profile).and_then(
            [&asked](Profile own) { return adjust(std::move(own), asked.allow, asked.deny); });
    }
    Result<std::vector<sock_filter>> program = profile.and_then(compile);
    if (!program) {
        return std::unexpected(program.error());
    }
    Source source;
    source.compiled = {.native = machine.native,
                       .flags = profile->flags,
                       .kernel_from = profile->kernel_from,
                       .kernel_below = profile->kernel_below,
                       .with_capabilities = profile->with_capabilities,
                       .without_capabilities = profile->without_capabilities,
                       .source_sha256 = sha256_of_text(text),
                       .program = std::move(*program)};
    source.profile = std::move(*profile);
    return source;
}

Result<Source> from_compiled(std::string_view bytes) {
    Result<Compiled> compiled = read_compiled(bytes);
    if (!compiled) {
        return std::unexpected(compiled.error());
    }
    return Source{.profile = {}, .compiled = std::move(*compiled)};
}

Result<Source> from_file(sys::Kernel& kernel, const Seccomp& asked, std::vector<std::string>& warnings,
                         std::string_view capabilities) {
    if (!asked.allow.empty() || !asked.deny.empty()) {
        return fail(ExitCode::kUsage, "--seccomp-allow and --seccomp-deny change a built-in filter, not a file's");
    }
    const Result<std::string> text = read_regular(kernel, asked.profile);
    if (!text) {
        return fail(ExitCode::kUsage,
                    fmt::format("{}; give \"default\", \"strict\", \"off\" or a readable file", text.error().line));
    }
    if (is_compiled(*text)) {
        return from_compiled(*text);
    }
    Ignored ignored;
    Machine machine = this_machine();
    machine.capabilities = capabilities;
    Result<Source> source = from_profile(*text, machine, asked, asked.lenient ? &ignored : nullptr);
    for (const std::string& what : ignored) {
        warnings.push_back(fmt::format("seccomp profile {}: passed over: {}", asked.profile, what));
    }
    return source;
}

Result<Filter> filter_from(Source source, std::string_view capabilities) {
    Machine machine = this_machine();
    machine.capabilities = capabilities;
    if (Result<> fits = check_fit(source.compiled, machine); !fits) {
        return std::unexpected(fits.error());
    }
    std::vector<sock_filter>& program = source.compiled.program;
    if (Result<> starts = check_start(source); !starts) {
        return std::unexpected(starts.error());
    }
    std::string digest = sha256(program);
    return Filter(std::move(program), source.compiled.flags, std::move(digest));
}

// Says of which profile an error is.
template <class T> Result<T> of_profile(Result<T> result, const Seccomp& asked) {
    if (!result) {
        result.error().line.insert(0, fmt::format("seccomp profile {}: ", asked.profile));
    }
    return result;
}

} // namespace

Result<std::string> read_regular(sys::Kernel& kernel, const std::string& path) {
    const sys::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status = {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        return fail(ExitCode::kUsage, std::strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(ExitCode::kUsage, S_ISDIR(status.st_mode) ? "is a directory" : "is no regular file");
    }
    const sys::Sys<std::string> text = kernel.read_whole(file);
    return text ? Result<std::string>(*text) : fail(ExitCode::kUsage, std::strerror(text.error()));
}

Result<Source> read_source(sys::Kernel& kernel, const Seccomp& asked, std::vector<std::string>& warnings,
                           std::string_view capabilities) {
    const std::optional<BuiltIn> which = find_builtin(asked.profile);
    if (!which) {
        return of_profile(from_file(kernel, asked, warnings, capabilities), asked);
    }
    Machine machine = this_machine();
    machine.own_source = true;
    return of_profile(from_profile(builtin_source(*which), machine, asked, nullptr), asked);
}

Result<> check_start(const Source& source) {
    const Architecture native = source.compiled.native;
    const std::uint32_t execve = entries_of("execve", native).front().number;
    const std::set<Action> answers = answers_to(source.compiled.program, facts_of(native).audit, execve);
    const bool starts = !answers.empty() && std::ranges::all_of(answers, [](Action action) {
        return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
    });
    return starts ? Result<>() : fail(ExitCode::kUsage, "forbids execve, so no app could start; allow it");
}

Result<Filter> filter_for(sys::Kernel& kernel, const Seccomp& asked, std::vector<std::string>& warnings,
                          std::string_view capabilities) {
    const bool changed = !asked.allow.empty() || !asked.deny.empty();
    if (asked.profile == "off") {
        return changed ? of_profile(Result<Filter>(fail(ExitCode::kUsage, "there is no filter for --seccomp-allow and "
                                                                          "--seccomp-deny to change")),
                                    asked)
                       : Filter();
    }
    if (const std::optional<BuiltIn> which = find_builtin(asked.profile); which && !changed) {
        return Filter(*which);
    }
    Result<Source> source = read_source(kernel, asked, warnings, capabilities);
    return source ? of_profile(filter_from(std::move(*source), capabilities), asked) : std::unexpected(source.error());
}

Error not_loaded(int error, unsigned flags) {
    return {ExitCode::kConfine,
            fmt::format("cannot load the seccomp filter: {}: {}", std::strerror(error), advice(error, flags))};
}

Result<> load(sys::Kernel& kernel, std::span<const sock_filter> program, unsigned flags) {
    if (program.empty()) {
        return fail(ExitCode::kInternal, "an empty seccomp filter was to be loaded");
    }
    if (const sys::Sys<> loaded = kernel.load_filter(program, flags); !loaded) {
        return std::unexpected(not_loaded(loaded.error(), flags));
    }
    return {};
}

} // namespace stepdown::confine
