#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "commands/account_files.hpp"
#include "commands/start.hpp"
#include "plan/tmpfiles.hpp"
#include "stepdown/sort.hpp"
#include "sys/directory.hpp"

namespace stepdown::commands {
namespace {

// ---- specifiers

// One word of a small file: /proc/sys/kernel/random/boot_id.
std::string first_line(const char* path) {
    char text[256] = {};
    const sys::Fd file(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    const ssize_t length = file ? ::read(file.get(), text, sizeof text - 1) : 0;
    const std::string_view read(text, length > 0 ? static_cast<std::size_t>(length) : 0);
    return std::string(read.substr(0, read.find('\n')));
}

// os-release(5): a value in or without quotes. Empty where there is none, as systemd has it.
std::string os_release(sys::Kernel& kernel, std::string_view name) {
    for (const char* const path : {"/etc/os-release", "/usr/lib/os-release"}) {
        const sys::Fd file(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
        const auto text = file ? kernel.read_whole(file) : std::unexpected(errno);
        if (!text) {
            continue;
        }
        for (std::string_view rest = *text; !rest.empty();) {
            std::string_view line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
            if (line.starts_with(name) && line.substr(name.size()).starts_with('=')) {
                line.remove_prefix(name.size() + 1);
                const bool quoted = line.size() >= 2 && (line.front() == '"' || line.front() == '\'');
                return std::string(quoted ? line.substr(1, line.size() - 2) : line);
            }
        }
        return {};
    }
    return {};
}

std::string without_dashes(std::string id) {
    std::erase(id, '-');
    return id;
}

struct Here {
    sys::Kernel& kernel;
    const Plan& plan;
    AccountFiles& files;
};

std::string group_name(const Here& here, gid_t gid) {
    const Result<std::string>& text = here.files.group();
    for (std::string_view rest = text ? std::string_view(*text) : std::string_view(); !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const std::size_t name = line.find(':');
        const std::size_t id = name == std::string_view::npos ? name : line.find(':', name + 1);
        if (id != std::string_view::npos && line.substr(id + 1).starts_with(std::to_string(gid) + ":")) {
            return std::string(line.substr(0, name));
        }
    }
    return std::to_string(gid);
}

std::string architecture(const char* machine) {
    const std::string_view name = machine; // as ConditionArchitecture= of systemd.unit(5) has it
    return name == "x86_64" ? "x86-64" : name == "aarch64" ? "arm64" : std::string(name);
}

std::string of_app(const Here& here, char letter) {
    const Identity app =
        here.plan.identity.value_or(Identity{.uid = ::geteuid(), .gid = ::getegid(), .user_name = {}, .home = "/root"});
    switch (letter) {
    case 'u':
        return app.user_name.empty() ? std::to_string(app.uid) : app.user_name;
    case 'U':
        return std::to_string(app.uid);
    case 'g':
        return group_name(here, app.gid);
    case 'G':
        return std::to_string(app.gid);
    default:
        return app.home;
    }
}

struct Directory {
    char letter;
    std::string_view path;
};
constexpr Directory kDirectories[] = {{'C', "/var/cache"}, {'L', "/var/log"}, {'S', "/var/lib"},
                                      {'T', "/tmp"},       {'V', "/var/tmp"}, {'t', "/run"}};

struct Release {
    char letter;
    std::string_view name;
};
constexpr Release kReleases[] = {{'A', "IMAGE_VERSION"}, {'B', "BUILD_ID"},  {'M', "IMAGE_ID"}, {'o', "ID"},
                                 {'w', "VERSION_ID"},    {'W', "VARIANT_ID"}};

std::string value_of(const void* context, char letter) {
    const Here& here = *static_cast<const Here*>(context);
    if (const auto known = std::ranges::find(kDirectories, letter, &Directory::letter);
        known != std::end(kDirectories)) {
        return std::string(known->path);
    }
    if (const auto known = std::ranges::find(kReleases, letter, &Release::letter); known != std::end(kReleases)) {
        return os_release(here.kernel, known->name);
    }
    utsname system{};
    ::uname(&system);
    std::string host = system.nodename;
    switch (letter) {
    case 'a':
        return architecture(system.machine);
    case 'b':
        return without_dashes(first_line("/proc/sys/kernel/random/boot_id"));
    case 'm':
        return first_line("/etc/machine-id");
    case 'H':
        return host;
    case 'l':
        return host.substr(0, host.find('.'));
    case 'v':
        return system.release;
    default:
        return of_app(here, letter);
    }
}

// ---- files

// The files that a pattern's last name matches, by name; a plain path is itself.
Result<std::vector<std::string>> matching_files(const std::string& pattern) {
    const std::size_t slash = pattern.rfind('/');
    const std::string name = pattern.substr(slash + 1);
    if (name.find_first_of("*?[") == std::string::npos) {
        return std::vector{pattern};
    }
    const std::string directory = pattern.substr(0, slash + 1);
    const std::string unread = "--setup-file: cannot read the directory of " + pattern;
    sys::Fd opened(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) {
        return call_failed(ExitCode::kUsage, unread, "open", errno);
    }
    sys::Directory listed(std::move(opened));
    std::vector<std::string> files;
    while (const auto entry = listed.next()) {
        if (::fnmatch(name.c_str(), entry->name, FNM_PERIOD) == 0) {
            files.push_back(directory + entry->name);
        }
    }
    if (listed.error() != 0) {
        return call_failed(ExitCode::kUsage, unread, "getdents64", listed.error());
    }
    if (files.empty()) {
        return fail(ExitCode::kUsage, "--setup-file: nothing matches " + pattern);
    }
    sort_many(files);
    return files;
}

// Root does what the file says, so nobody else may be able to write it.
Result<std::string> read_setup_file(sys::Kernel& kernel, const std::string& path) {
    const sys::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    const auto now = file ? kernel.stat_at(file.get(), "") : std::unexpected(errno);
    if (!now) {
        return call_failed(ExitCode::kUsage, "--setup-file: cannot read " + path, "open", now.error());
    }
    if (S_ISCHR(now->st_mode)) {
        return std::string(); // a link to /dev/null is how tmpfiles.d(5) masks a file
    }
    if (!S_ISREG(now->st_mode) || now->st_uid != 0 || (now->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fail(ExitCode::kUsage,
                    "--setup-file: " + path + " must be a regular file of root's that nobody else may write");
    }
    auto text = kernel.read_whole(file);
    return text ? Result<std::string>(std::move(*text))
                : call_failed(ExitCode::kUsage, "--setup-file: cannot read " + path, "read", text.error());
}

Result<std::vector<SetupStep>> lines_of_files(sys::Kernel& kernel, const std::vector<std::string>& patterns) {
    std::vector<SetupStep> steps;
    for (const std::string& pattern : patterns) {
        const auto files = matching_files(pattern);
        if (!files) {
            return std::unexpected(files.error());
        }
        for (const std::string& path : *files) {
            const auto text = read_setup_file(kernel, path);
            auto lines = text ? plan::parse_setup_file(*text, path) : std::unexpected(text.error());
            if (!lines) {
                return lines;
            }
            steps.append_range(std::move(*lines));
        }
    }
    return steps;
}

Result<> resolve_lines(std::vector<SetupStep>& steps, const Here& here) {
    for (SetupStep& step : steps) {
        if (step.for_app) {
            continue;
        }
        static const Result<std::string> kNone = std::string();
        const Result<std::string>& passwd = step.user.empty() ? kNone : here.files.passwd();
        const Result<std::string>& group = step.group.empty() ? kNone : here.files.group();
        if (!passwd || !group) {
            return std::unexpected(passwd ? group.error() : passwd.error());
        }
        if (auto resolved = plan::resolve_setup_step(step, {value_of, &here}, *passwd, *group); !resolved) {
            return resolved;
        }
    }
    return {};
}

} // namespace

Result<> resolve_setup(sys::Kernel& kernel, Plan& plan, AccountFiles& files) {
    const Here here{kernel, plan, files};
    auto of_files = lines_of_files(kernel, plan.setup_files);
    if (!of_files) {
        return std::unexpected(of_files.error());
    }
    for (std::vector<SetupStep>* steps : {&*of_files, &plan.setup}) {
        if (auto resolved = resolve_lines(*steps, here); !resolved) {
            return resolved;
        }
    }
    std::vector<SetupStep> all = plan::in_order_of_work(std::move(*of_files));
    all.append_range(std::move(plan.setup));
    plan.setup = std::move(all);
    return {};
}

} // namespace stepdown::commands
