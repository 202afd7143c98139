#include <cerrno>
#include <string>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/process.hpp"
#include "plan/limit_names.hpp"

namespace stepdown::commands {
namespace {

std::string in_words(std::uint64_t limit) { return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit); }

std::string in_words(const ResourceLimit& limit) {
    return std::string(plan::limit_name(limit.resource)) + "=" + in_words(limit.soft) + ":" + in_words(limit.hard);
}

} // namespace

Result<> give_process(sys::Kernel& kernel, const Process& asked) {
    for (const ResourceLimit& limit : asked.limits) {
        if (const auto set = kernel.set_limit(limit.resource, limit.soft, limit.hard); !set) {
            return call_failed(
                ExitCode::kDrop, "cannot set the resource limit " + in_words(limit), "prlimit64", set.error(),
                "a hard limit can only be raised with --cap-add=SYS_RESOURCE, or by docker run --ulimit");
        }
    }
    if (asked.nice) {
        if (const auto set = kernel.set_nice(*asked.nice); !set) {
            return call_failed(ExitCode::kDrop, "cannot set the nice value to " + std::to_string(*asked.nice),
                               "setpriority", set.error(), "a value below the present one needs --cap-add=SYS_NICE");
        }
    }
    if (asked.oom_score_adj) {
        if (const auto set = kernel.set_oom_score_adj(*asked.oom_score_adj); !set) {
            return call_failed(ExitCode::kDrop, "cannot set oom_score_adj to " + std::to_string(*asked.oom_score_adj),
                               "write", set.error(),
                               "a value below the present one needs --cap-add=SYS_RESOURCE, or docker run "
                               "--oom-score-adj");
        }
    }
    if (asked.umask) {
        ::umask(*asked.umask);
    }
    return {};
}

Result<> enter_directory(const Process& asked) {
    if (asked.directory.empty() || ::chdir(asked.directory.c_str()) == 0) {
        return {};
    }
    return call_failed(ExitCode::kDrop, "cannot start the app in " + asked.directory, "chdir", errno,
                       "--cwd names a directory that the app's user may enter");
}

} // namespace stepdown::commands
