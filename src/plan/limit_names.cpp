#include "plan/limit_names.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace stepdown::plan {
namespace {

struct LimitName {
    char name[11];
    signed char resource;
};

constexpr LimitName kLimits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

} // namespace

std::optional<int> limit_number(std::string_view name) {
    const auto known = std::ranges::find_if(kLimits, [name](const LimitName& limit) { return name == limit.name; });
    return known == std::end(kLimits) ? std::nullopt : std::optional<int>(known->resource);
}

std::string_view limit_name(int resource) {
    const auto known = std::ranges::find(kLimits, resource, &LimitName::resource);
    return known == std::end(kLimits) ? "?" : known->name;
}

std::string limit_names() {
    std::string names;
    for (const LimitName& limit : kLimits) {
        names.append(names.empty() ? "" : ", ").append(limit.name);
    }
    return names;
}

} // namespace stepdown::plan
