#include "cli/setters.hpp"

#include <charconv>

#include "cli/values.hpp"

namespace stepdown::cli {
namespace {

Result<> add_file(Parsed& parsed, FileGrantKind kind, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, word_of(kind), value, source); !checked) {
        return checked;
    }
    parsed.plan.landlock.files.push_back({kind, std::string(value)});
    return {};
}

Result<> add_port(std::vector<std::uint16_t>& ports, std::string_view name, std::string_view value,
                  const Source& source) {
    std::uint16_t port = 0;
    const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), port);
    if (bad != std::errc{} || end != value.data() + value.size()) {
        return refuse(source, name, value, "is no TCP port; a number from 0 to 65535");
    }
    ports.push_back(port);
    return {};
}

} // namespace

Result<> apply_seccomp(Parsed& parsed, std::string_view value, const Source& source) {
    return set_word_or_path(parsed.plan.seccomp.profile, {"default", "strict", "off"}, "seccomp", value, source);
}

Result<> apply_seccomp_allow(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.seccomp.allow.emplace_back(value);
    return {};
}

Result<> apply_seccomp_deny(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.seccomp.deny.emplace_back(value);
    return {};
}

Result<> apply_seccomp_lenient(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.seccomp.lenient, true, "seccomp-lenient", value, source);
}

Result<> apply_seccomp_report(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.seccomp.report, true, "seccomp-report", value, source);
}

Result<> apply_seccomp_learn(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.seccomp.learn, true, "seccomp-learn", value, source);
}

Result<> apply_startup(Parsed& parsed, std::string_view value, const Source& source) {
    const auto time = time_span(value);
    if (!time) {
        return refuse(source, "startup", value, "is no time span such as 10s or 500ms");
    }
    parsed.plan.seccomp.startup = *time;
    return {};
}

Result<> apply_merge(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.merge, true, "merge", value, source);
}

Result<> apply_rootfs(Parsed& parsed, std::string_view value, const Source& source) {
    constexpr Choice<bool> kWays[] = {{"ro", true}, {"rw", false}};
    return set_choice(parsed.plan.landlock.read_only_root, kWays, "rootfs", value, source);
}

Result<> apply_ro(Parsed& parsed, std::string_view value, const Source& source) {
    return add_file(parsed, FileGrantKind::kRead, value, source);
}

Result<> apply_rw(Parsed& parsed, std::string_view value, const Source& source) {
    return add_file(parsed, FileGrantKind::kWrite, value, source);
}

Result<> apply_exec(Parsed& parsed, std::string_view value, const Source& source) {
    return add_file(parsed, FileGrantKind::kExecute, value, source);
}

Result<> apply_connect(Parsed& parsed, std::string_view value, const Source& source) {
    return add_port(parsed.plan.landlock.connect, "connect", value, source);
}

Result<> apply_bind(Parsed& parsed, std::string_view value, const Source& source) {
    return add_port(parsed.plan.landlock.bind, "bind", value, source);
}

Result<> apply_scope(Parsed& parsed, std::string_view value, const Source& source) {
    constexpr Choice<bool Landlock::*> kScopes[] = {{"abstract", &Landlock::scope_abstract_sockets},
                                                    {"signals", &Landlock::scope_signals}};
    bool Landlock::* scope = nullptr;
    if (auto set = set_choice(scope, kScopes, "scope", value, source); !set) {
        return set;
    }
    parsed.plan.landlock.*scope = true;
    return {};
}

Result<> apply_landlock(Parsed& parsed, std::string_view value, const Source& source) {
    constexpr Choice<LandlockMode> kModes[] = {
        {"auto", LandlockMode::kBestEffort}, {"require", LandlockMode::kRequire}, {"off", LandlockMode::kOff}};
    return set_choice(parsed.plan.landlock.mode, kModes, "landlock", value, source);
}

Result<> apply_emulate_root(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.emulate_root = value; // read by emulate/, which knows the items
    return {};
}

Result<> apply_emulate_owners(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.emulate_owners, true, "emulate-owners", value, source);
}

} // namespace stepdown::cli
