#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fmt/format.h>

#include "commands/commands.hpp"
#include "commands/report.hpp"
#include "commands/start.hpp"
#include "plan/program.hpp"
#include "plan/user_spec.hpp"
#include "plan/validate.hpp"
#include "verify/surroundings.hpp"

namespace stepdown::commands {
namespace {

struct Row {
    std::string_view id;
    std::string_view title;
    std::string_view expected;
    Severity severity;
    std::string_view references;
};

constexpr Row kUser = {"image.user", "the app's user is one that the image can give", "a user other than root",
                       Severity::kHigh, "CIS-Docker-4.1 PSS-restricted:runAsNonRoot OWASP-Docker-D01"};
constexpr Row kPath = {"image.path", "what the start will own is there", "there, or made by an earlier step",
                       Severity::kMedium, "CIS-Docker-4.1"};
constexpr Row kProgram = {"image.program", "the app's user can execute the program",
                          "executable, without file capabilities", Severity::kHigh, "CIS-Docker-4.8 OWASP-Docker-D04"};
constexpr Row kFilter = {"image.filter", "the filter's profile can be loaded", "a profile", Severity::kHigh,
                         "CIS-Docker-5.21 PSS-restricted:seccompProfile"};

Finding finding_of(const Row& row, Verdict verdict, std::string observed, std::string_view remedy = {},
                   std::string file = {}) {
    return {.check = std::string(row.id),
            .verdict = verdict,
            .expected = std::string(row.expected),
            .observed = std::move(observed),
            .remedy = std::string(verdict == Verdict::kFail ? remedy : ""),
            .severity = row.severity,
            .title = row.title,
            .references = row.references,
            .file = std::move(file)};
}

// What check-image looks at: never followed out of the image, which somebody else made.
struct Image {
    sys::Kernel& kernel;
    sys::Fd root;

    sys::Sys<sys::Fd> open(std::string_view path, int flags) const {
        const std::string below(path.substr(std::min(path.find_first_not_of('/'), path.size())));
        return kernel.open_at(root.get(), below.empty() ? "." : below.c_str(), flags);
    }

    std::string text(std::string_view path) const {
        const auto file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        auto read = file ? kernel.read_whole(*file) : std::unexpected(file.error());
        return read ? std::move(*read) : std::string();
    }
};

Finding judge_user(const Image& image, Plan& plan) {
    if (plan.user_spec.empty()) {
        return finding_of(kUser, Verdict::kFail, "none is named: the app would be who starts the container",
                          "name one: --user, STEPDOWN_USER or user in /etc/stepdown.toml");
    }
    auto identity = plan::resolve_user(plan.user_spec, image.text("/etc/passwd"), image.text("/etc/group"),
                                       source_of(plan, "user"), ::getuid());
    if (!identity) {
        return finding_of(kUser, Verdict::kFail, identity.error().line, "add the user to the image, or use numbers",
                          "/etc/passwd");
    }
    plan.identity = std::move(*identity);
    if (auto good = plan::check(plan); !good) {
        return finding_of(kUser, Verdict::kFail, good.error().line, "name another user");
    }
    const Identity& who = *plan.identity;
    return finding_of(kUser, Verdict::kPass,
                      fmt::format("{}:{}{}", who.uid, who.gid,
                                  who.user_name.empty() ? ", without an entry in /etc/passwd" : " " + who.user_name));
}

std::vector<Finding> judge_paths(const Image& image, const Plan& plan) {
    std::vector<Finding> findings;
    std::vector<std::string_view> made;
    for (const SetupStep& step : plan.setup) {
        if (step.kind != SetupKind::kOwn) {
            made.push_back(step.path);
            continue;
        }
        const bool there = std::ranges::contains(made, step.path) || image.open(step.path, O_PATH | O_NOFOLLOW);
        findings.push_back(finding_of(kPath, there ? Verdict::kPass : Verdict::kFail,
                                      step.path + (there ? "" : ": not there, or behind a symbolic link"),
                                      "make it in the image, or with --mkdir before --own", step.path));
    }
    return findings;
}

bool may_execute(const struct stat& status, const Identity& who) {
    const mode_t bit = status.st_uid == who.uid ? S_IXUSR : status.st_gid == who.gid ? S_IXGRP : S_IXOTH;
    return S_ISREG(status.st_mode) && (status.st_mode & bit) != 0;
}

Finding judge_program(const Image& image, const Plan& plan) {
    if (plan.command.empty() || !plan.identity) {
        return finding_of(kProgram, Verdict::kSkipped, plan.command.empty() ? "no command was given" : "no user");
    }
    for (const std::string& path : plan::program_candidates(plan.command.front(), plan::kDefaultSearchPath)) {
        struct open_how how{};
        how.flags = O_PATH | O_CLOEXEC;
        how.resolve = RESOLVE_IN_ROOT; // its links are the image's own: /bin is one
        const sys::Fd file(static_cast<int>(::syscall(SYS_openat2, image.root.get(), path.c_str(), &how, sizeof how)));
        const auto status = file ? image.kernel.stat_at(file.get(), "") : std::unexpected(errno);
        if (!status) {
            continue;
        }
        if (!may_execute(*status, *plan.identity)) {
            return finding_of(kProgram, Verdict::kFail, path + ": not executable for the app's user",
                              "chmod a+x it in the image", path);
        }
        const std::string own = fmt::format("/proc/self/fd/{}", file.get());
        if (::getxattr(own.c_str(), "security.capability", nullptr, 0) > 0) {
            return finding_of(kProgram, Verdict::kFail, path + ": has file capabilities, and its start will be refused",
                              "setcap -r it in the image", path);
        }
        return finding_of(kProgram, Verdict::kPass, path);
    }
    return finding_of(kProgram, Verdict::kFail, plan.command.front() + ": not in the image",
                      "name a program of the image, or its full path");
}

Finding judge_filter(sys::Kernel& kernel, const std::string& root, const Plan& plan) {
    Seccomp asked = plan.seccomp;
    if (asked.profile.starts_with('/') && root != "/") {
        asked.profile.insert(0, root);
    }
    std::vector<std::string> warnings; // the plan's
    const auto filter = confine::filter_for(kernel, asked, warnings);
    if (!filter) {
        return finding_of(kFilter, Verdict::kFail, filter.error().line, "mend the profile", plan.seccomp.profile);
    }
    return finding_of(kFilter, filter->off() ? Verdict::kFail : Verdict::kPass, plan.seccomp.profile,
                      "leave --seccomp=off out: the app would have no filter");
}

} // namespace

// What can be known of a start when its image is built, without any privilege. Touches nothing.
int check_image(sys::Kernel& kernel, const cli::Parsed& parsed) {
    const std::string& where = parsed.report.root;
    const Image image{.kernel = kernel, .root = sys::Fd(::open(where.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))};
    if (!image.root) {
        return refuse_judging(fmt::format("--root {}: {}", where, std::strerror(errno)));
    }
    Plan plan = parsed.plan;
    Report report;
    report.container.push_back(judge_user(image, plan));
    std::ranges::move(judge_paths(image, plan), std::back_inserter(report.container));
    report.container.push_back(judge_program(image, plan));
    report.container.push_back(judge_filter(kernel, where, plan));
    std::ranges::move(verify::look_at_files(kernel, image.root), std::back_inserter(report.container));
    return give_report(std::move(report), parsed);
}

} // namespace stepdown::commands
