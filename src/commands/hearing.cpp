#include "commands/hearing.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commands/emulation.hpp"
#include "commands/line.hpp"
#include "commands/output_file.hpp"
#include "confine/errno_names.hpp"
#include "confine/evaluate.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::commands {
namespace {

using confine::Action;
using confine::Denial;

constexpr std::size_t kLongestRow = 640; // of the file, with the longest names
constexpr std::size_t kPath = 64;

Action say(std::span<const sock_filter> program, const seccomp_data& call) noexcept {
    return program.empty() ? SECCOMP_RET_ALLOW : confine::evaluate(program, call).value_or(SECCOMP_RET_ALLOW);
}

bool denies(Action action) noexcept { return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO; }

// A program's names are its own: nothing in them may end a line, or a text in JSON.
template <std::size_t size> void take_name(std::array<char, size>& into, std::string_view name) noexcept {
    name.remove_prefix(name.size() - std::min(name.size(), size - 1));
    into.fill('\0');
    std::ranges::transform(name, into.begin(), [](char byte) {
        return byte < ' ' || byte > '~' || byte == '"' || byte == '\\' ? '?' : byte;
    });
}

template <std::size_t size> std::string_view name_in(const std::array<char, size>& name) noexcept {
    return {name.data(), static_cast<std::size_t>(std::ranges::find(name, '\0') - name.begin())};
}

const char* path_of(std::array<char, kPath>& into, pid_t pid, std::string_view what) noexcept {
    *fmt::format_to_n(into.data(), into.size() - 1, "{}/{}", pid, what).out = '\0';
    return into.data();
}

// What /proc knows of whoever calls, and waits for the answer.
void name_caller(const sys::Fd& proc, Denial& seen) noexcept {
    take_name(seen.program, "?");
    take_name(seen.thread, "?");
    if (!proc || seen.pid == 0) {
        return;
    }
    std::array<char, kPath> path;
    char text[4096];
    const ssize_t length = ::readlinkat(proc.get(), path_of(path, seen.pid, "exe"), text, sizeof text);
    if (length > 0) {
        take_name(seen.program, {text, static_cast<std::size_t>(length)});
    }
    const sys::Fd comm(::openat(proc.get(), path_of(path, seen.pid, "comm"), O_RDONLY | O_CLOEXEC));
    const ssize_t read = comm ? ::read(comm.get(), text, Denial::kThread) : 0;
    if (read > 1) {
        take_name(seen.thread, {text, static_cast<std::size_t>(read) - 1}); // the line feed
    }
}

// The number of what is no call of this kernel's.
std::string name_of(const confine::CallNames& names, const Denial& denial) {
    const std::string_view name = names.name_of(denial.audit, denial.number);
    return name == "?" ? fmt::format("call {}", denial.number) : std::string(name);
}

std::string_view architecture_name(std::uint32_t audit) noexcept {
    const auto facts = std::ranges::find(confine::architectures(), audit, &confine::ArchitectureFacts::audit);
    return facts == confine::architectures().end() ? "?" : facts->oci_name;
}

} // namespace

Hearing::Hearing(sys::Kernel& kernel, Start& start, const Log& log)
    : start_(start), log_(log), learns_(start.plan.seccomp.learn), proc_(open_proc(kernel)) {
    const Readiness::Kind ready = start.plan.supervision.ready.kind;
    waits_for_ready_ = ready == Readiness::Kind::kDescriptor || ready == Readiness::Kind::kNotify;
    if (!start.plan.seccomp.record.empty()) {
        recording_.emplace();
    }
    if (start.denials.fd) {
        json_.reserve((confine::Denials::kMost + 1) * kLongestRow);
        write(); // that nothing was denied is an answer too
    }
}

std::optional<emulate::Response> Hearing::answer(void* self, const seccomp_notif& request) noexcept {
    return static_cast<Hearing*>(self)->answer(request);
}

// The app's filter, then the emulation's: as the kernel would have asked them.
std::optional<emulate::Response> Hearing::answer(const seccomp_notif& request) noexcept {
    if (const Action said = say(start_.filter.program(), request.data); denies(said)) {
        const int error = static_cast<int>(said & SECCOMP_RET_DATA);
        deny(request, error);
        if (!learns_) {
            record(request, error);
            return emulate::Response{.error = error};
        }
    }
    record(request, 0);
    const Action said = say(start_.emulation.filter.program(), request.data);
    if (denies(said)) {
        return emulate::Response{.error = static_cast<int>(said & SECCOMP_RET_DATA)};
    }
    return said == SECCOMP_RET_USER_NOTIF ? std::optional<emulate::Response>() : emulate::Response{.to_kernel = true};
}

void Hearing::deny(const seccomp_notif& request, int error) noexcept {
    Denial seen{
        .audit = request.data.arch, .number = request.data.nr, .error = error, .pid = static_cast<pid_t>(request.pid)};
    std::ranges::copy(request.data.args, seen.args.begin());
    name_caller(proc_, seen);
    const Denial* row = denials_.note(seen);
    if (row != nullptr && confine::Denials::worth_telling(row->count)) {
        tell(*row);
        write();
    }
}

void Hearing::tell(const Denial& denial) const noexcept {
    Line line;
    const std::string name = name_of(names_, denial);
    const std::string error = confine::errno_name(static_cast<unsigned>(denial.error));
    if (denial.count > 1) {
        line.append("seccomp: {} {} = {} to {}, {} times so far", learns_ ? "would have denied" : "denied", name, error,
                    name_in(denial.program), denial.count);
    } else {
        line.append("seccomp: {} {} = {} to pid {} ({}), arguments", learns_ ? "would have denied" : "denied", name,
                    error, denial.pid, name_in(denial.thread));
        for (unsigned i = 0; i < denial.args.size(); ++i) {
            line.append(" {:#x}", denial.args[i] & confine::argument_mask(name, i));
        }
    }
    log_.plain(LogLevel::kWarn, line.view());
}

// Whole, over what was there: counts only grow, so it never gets shorter.
void Hearing::write() noexcept {
    if (!start_.denials.fd) {
        return;
    }
    json_.clear();
    const auto out = std::back_inserter(json_);
    fmt::format_to(out,
                   "{{\n  \"schema\": 1,\n  \"let_through\": {},\n  \"total\": {},\n  \"not_listed\": {},\n"
                   "  \"denials\": [",
                   learns_, denials_.total(), denials_.not_kept());
    const char* separator = "";
    for (const Denial& denial : denials_.all()) {
        fmt::format_to(out,
                       "{}\n    {{\"call\": \"{}\", \"number\": {}, \"architecture\": \"{}\", \"errno\": \"{}\", "
                       "\"count\": {}, \"program\": \"{}\", \"pid\": {}, \"comm\": \"{}\", \"arguments\": [",
                       separator, names_.name_of(denial.audit, denial.number), denial.number,
                       architecture_name(denial.audit), confine::errno_name(static_cast<unsigned>(denial.error)),
                       denial.count, name_in(denial.program), denial.pid, name_in(denial.thread));
        separator = "";
        for (const std::uint64_t argument : denial.args) {
            fmt::format_to(out, "{}\"{:#x}\"", separator, argument);
            separator = ", ";
        }
        json_ += "]}";
        separator = ",";
    }
    json_ += "\n  ]\n}\n";
    [[maybe_unused]] const ssize_t written = ::pwrite(start_.denials.fd.get(), json_.data(), json_.size(), 0);
}

// The launch ends with the execve(2) that it is there for.
void Hearing::record(const seccomp_notif& request, int error) noexcept {
    if (!recording_) {
        return;
    }
    if (phase_ == confine::kStartup && !waits_for_ready_ && std::chrono::steady_clock::now() >= steady_from_) {
        phase_ = confine::kSteady;
    }
    recording_->note(request.data, error, phase_);
    if (phase_ == confine::kLaunch && request.data.nr == SYS_execve) {
        phase_ = confine::kStartup;
        steady_from_ = std::chrono::steady_clock::now() + start_.plan.seccomp.startup;
    }
}

supervise::Listener Hearing::listen(supervise::Listener to) noexcept {
    notes_ = to;
    return {.tell = tell_note, .context = this, .every = to.every};
}

void Hearing::tell_note(void* self, const supervise::Note& note) noexcept {
    auto& own = *static_cast<Hearing*>(self);
    if (note.kind == supervise::Note::Kind::kReady) {
        own.phase_ = confine::kSteady;
    }
    own.notes_.tell(own.notes_.context, note);
}

Result<> Hearing::end(bool executed) {
    write();
    sum_up();
    return recording_ && executed ? write_profile() : Result<>();
}

Result<> Hearing::write_profile() {
    confine::Records records = recording_->records();
    if (recording_->lost() > 0) {
        log_.warn(fmt::format("record: no room was left for {} calls: the profile is incomplete", recording_->lost()));
    }
    for (const std::string& name : records.doubtful) {
        log_.warn("record: " + name + " was let through and refused, and no rule can tell which: it is let through");
    }
    for (const std::string& name : confine::fit(records)) {
        log_.warn(confine::widened_line(name));
    }
    const auto written = rewrite(start_.recorded.fd, confine::profile_text(records));
    return written ? Result<>()
                   : call_failed(ExitCode::kInternal, "cannot write " + start_.recorded.path, "write", written.error());
}

void Hearing::sum_up() {
    if (denials_.total() == 0) {
        return;
    }
    for (const Denial& denial : denials_.all()) {
        if (denial.count > 1) {
            log_.warn(fmt::format("seccomp: {} {} = {} to {}, {} times in all",
                                  learns_ ? "would have denied" : "denied", name_of(names_, denial),
                                  confine::errno_name(static_cast<unsigned>(denial.error)), name_in(denial.program),
                                  denial.count));
        }
    }
    log_.warn(fmt::format("seccomp: {} {} calls in all, of {} kinds{}{}", learns_ ? "would have denied" : "denied",
                          denials_.total(), denials_.all().size(),
                          denials_.not_kept() == 0 ? "" : fmt::format(", and {} of more kinds", denials_.not_kept()),
                          start_.denials.fd ? "; see " + start_.denials.path : ""));
}

} // namespace stepdown::commands
