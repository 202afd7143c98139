#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "commands/commands.hpp"
#include "commands/image.hpp"
#include "commands/report.hpp"
#include "commands/start.hpp"
#include "plan/capability_names.hpp"
#include "plan/environment.hpp"
#include "plan/groups.hpp"
#include "plan/user_spec.hpp"
#include "plan/validate.hpp"
#include "verify/surroundings.hpp"

namespace stepdown::commands {
namespace {

constexpr ImageCheck kUser = {"image.user", "the app's user is one that the image can give", "a user other than root",
                              Severity::kHigh, "CIS-Docker-4.1 PSS-restricted:runAsNonRoot OWASP-Docker-D01"};
constexpr ImageCheck kFilter = {"image.filter", "the filter's profile can be loaded", "a profile", Severity::kHigh,
                                "CIS-Docker-5.21 PSS-restricted:seccompProfile"};

// The ids, by the image's own files.
Result<> resolve_in(const Image& image, Plan& plan) {
    const std::string group = image.text("/etc/group");
    auto identity =
        plan::resolve_user(plan.user_spec, image.text("/etc/passwd"), group, source_of(plan, "user"), ::getuid());
    if (!identity) {
        return std::unexpected(identity.error());
    }
    plan.identity = std::move(*identity);
    return plan::resolve_groups(plan, group, source_of(plan, "groups"));
}

Finding judge_user(const Image& image, Plan& plan) {
    if (plan.user_spec.empty()) {
        return image_finding(kUser, Verdict::kFail, "none is named: the app would be who starts the container",
                             "name one: --user, STEPDOWN_USER or user in /etc/stepdown.toml");
    }
    if (auto resolved = resolve_in(image, plan); !resolved) {
        plan.identity.reset();
        return image_finding(kUser, Verdict::kFail, resolved.error().line, "add the user to the image, or use numbers",
                             "/etc/passwd");
    }
    if (auto good = plan::check(plan); !good) {
        return image_finding(kUser, Verdict::kFail, good.error().line, "name another user");
    }
    const Identity& who = *plan.identity;
    return image_finding(
        kUser, Verdict::kPass,
        fmt::format("{}:{}{}", who.uid, who.gid,
                    who.user_name.empty() ? ", without an entry in /etc/passwd" : " " + who.user_name));
}

Result<confine::Filter> filter_in(sys::Kernel& kernel, const std::string& root, const Plan& plan) {
    Seccomp asked = plan.seccomp;
    if (asked.profile.starts_with('/') && root != "/") {
        asked.profile.insert(0, root);
    }
    std::vector<std::string> warnings; // the plan's
    return confine::filter_for(kernel, asked, warnings, plan::capability_names(plan.kept_capabilities, " "));
}

Finding judge_filter(const Result<confine::Filter>& filter, const Plan& plan) {
    if (!filter) {
        return image_finding(kFilter, Verdict::kFail, filter.error().line, "mend the profile", plan.seccomp.profile);
    }
    return image_finding(kFilter, filter->off() ? Verdict::kFail : Verdict::kPass, plan.seccomp.profile,
                         "leave --seccomp=off out: the app would have no filter");
}

// The app's PATH: of a RUN line what the image's ENV says; of a folder elsewhere only the Plan can tell.
std::string search_path_in(const std::string& root, const Plan& plan) {
    constexpr std::string_view kName = "PATH=";
    const char* const none[] = {nullptr};
    const plan::Environment environment =
        plan::app_environment(root == "/" ? environ : none, plan.identity, plan.environment, plan.environment.changes);
    for (const char* const entry : environment.entries) {
        if (entry != nullptr && std::string_view(entry).starts_with(kName)) {
            return entry + kName.size();
        }
    }
    return {};
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
    std::ranges::move(judge_image_paths(image, plan), std::back_inserter(report.container));
    const Result<confine::Filter> filter = filter_in(kernel, where, plan);
    std::ranges::move(judge_image_program(image, plan, filter ? &*filter : nullptr, search_path_in(where, plan)),
                      std::back_inserter(report.container));
    report.container.push_back(judge_filter(filter, plan));
    std::ranges::move(verify::look_at_files(kernel, image.root), std::back_inserter(report.container));
    return give_report(std::move(report), parsed);
}

} // namespace stepdown::commands
