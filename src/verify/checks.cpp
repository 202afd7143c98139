#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "verify/judge.hpp"

namespace stepdown::verify {
namespace {

Verdict verdict_of(bool holds) { return holds ? Verdict::kPass : Verdict::kFail; }

// ---- Comparing. get: Facts → optional (or reference to one); agrees: (wanted, observed, moment) → bool.

template <auto get, auto agrees> Verdict compare(const Sight& sight) {
    const auto& wanted = get(sight.wanted);
    const auto& observed = get(sight.observed);
    if (!wanted) {
        return Verdict::kSkipped;
    }
    return observed ? verdict_of(agrees(*wanted, *observed, sight.moment)) : Verdict::kUnknown;
}

// holds: (observed, floor, whether wanted names the fact) → bool.
template <auto get, auto holds> Verdict over_floor(const Sight& sight) {
    if (sight.floor == nullptr) {
        return Verdict::kSkipped;
    }
    const auto& observed = get(sight.observed);
    const bool named = get(sight.wanted).has_value();
    return observed ? verdict_of(holds(*observed, *sight.floor, named)) : Verdict::kUnknown;
}

constexpr auto kEqual = [](const auto& wanted, const auto& observed, Moment) { return wanted == observed; };

constexpr auto kNoLess = [](auto wanted, auto observed, Moment moment) {
    return moment == Moment::kStart ? wanted == observed : observed >= wanted;
};

// Its own filters only ever tighten what a thread may do; and PID 1 wears one also where the app wears none.
constexpr auto kAtLeast = [](auto wanted, auto observed, Moment) { return observed >= wanted; };

constexpr auto kNoMore = [](std::uint64_t wanted, std::uint64_t observed, Moment moment) {
    return moment == Moment::kStart ? wanted == observed : (observed & ~wanted) == 0;
};

// ---- Facts.

constexpr auto kUid = [](const Facts& facts) -> const auto& { return facts.uid; };
constexpr auto kGid = [](const Facts& facts) -> const auto& { return facts.gid; };
constexpr auto kGroups = [](const Facts& facts) -> const auto& { return facts.groups; };
constexpr auto kSecurebits = [](const Facts& facts) -> const auto& { return facts.securebits; };
constexpr auto kNoNewPrivs = [](const Facts& facts) -> const auto& { return facts.no_new_privs; };
constexpr auto kMode = [](const Facts& facts) -> const auto& { return facts.seccomp_mode; };
constexpr auto kFilters = [](const Facts& facts) -> const auto& { return facts.seccomp_filters; };

template <std::uint64_t CapabilitySets::* set>
constexpr auto kSet = [](const Facts& facts) -> std::optional<std::uint64_t> {
    return facts.capabilities ? std::optional((*facts.capabilities).*set) : std::nullopt;
};

// ---- In words: the kernel's, so that a report can be held against /proc/PID/status by eye.

template <auto get, auto write> std::string text(const Facts& facts) {
    const auto& fact = get(facts);
    return fact ? write(*fact) : std::string();
}

constexpr auto kNumbers = [](const auto& numbers) {
    return numbers.empty() ? std::string("none") : fmt::format("{}", fmt::join(numbers, " "));
};
constexpr auto kNumber = [](auto number) { return fmt::format("{}", static_cast<unsigned>(number)); };
constexpr auto kMask = [](std::uint64_t mask) { return fmt::format("{:016x}", mask); };
constexpr auto kBits = [](std::uint32_t bits) { return fmt::format("{:x}", bits); };

// ---- The floor.

constexpr auto kNoZeroId = [](const auto& ids, const Floor& floor, bool) {
    return floor.root_allowed || std::ranges::find(ids, 0U) == ids.end();
};

constexpr auto kNoRootGroup = [](const auto& groups, const Floor& floor, bool named) {
    return (named && floor.named_allowed) || floor.root_group_allowed || kNoZeroId(groups, floor, named);
};

constexpr auto kEmpty = [](std::uint64_t mask, const Floor& floor, bool named) {
    return (mask & ~floor.capabilities) == 0 || (named && floor.named_allowed);
};

constexpr auto kBoundingEmpty = [](std::uint64_t mask, const Floor& floor, bool named) {
    return kEmpty(mask & ~floor.bounding, floor, named);
};

constexpr auto kSet1 = [](bool set, const Floor& floor, bool) { return set || floor.new_privileges_allowed; };
constexpr auto kFiltered = [](int mode, const Floor& floor, bool) { return mode == 2 || floor.no_filter_allowed; };

// ---- The tracer: not a fact of the thread's own, so never in wanted.

Verdict untraced(const Sight& sight) {
    if (sight.thread == nullptr) {
        return Verdict::kSkipped;
    }
    return sight.thread->tracer < 0 ? Verdict::kUnknown : verdict_of(sight.thread->tracer == 0);
}

std::string tracer_text(const Sight& sight) {
    const bool known = sight.thread != nullptr && sight.thread->tracer >= 0;
    return known ? fmt::format("{}", sight.thread->tracer) : std::string();
}

// ---- The table.

template <std::uint64_t CapabilitySets::* set, auto floor>
constexpr Check capability_check(std::string_view id, Severity severity, std::string_view title,
                                 std::string_view remedy) {
    return {.id = id,
            .title = title,
            .remedy = remedy,
            .severity = severity,
            .references = "CIS-Docker-5.3 PSS-restricted:capabilities OWASP-Docker-D04",
            .compare = compare<kSet<set>, kNoMore>,
            .text = text<kSet<set>, kMask>,
            .floor = over_floor<kSet<set>, floor>,
            .floor_text = "0000000000000000"};
}

constexpr std::string_view kDropRemedy =
    "start the app through stepdown, and look for what entered the container beside it";
constexpr std::string_view kGroupRemedy =
    "start the app through stepdown, and a container without root with a group too: --user=UID:GID, runAsGroup";

constexpr std::array kChecks = {
    Check{.id = "uid",
          .title = "real, effective, saved and file system user id",
          .remedy = kDropRemedy,
          .severity = Severity::kCritical,
          .references = "CIS-Docker-4.1 PSS-restricted:runAsNonRoot OWASP-Docker-D01 NSA-Kubernetes:non-root",
          .compare = compare<kUid, kEqual>,
          .text = text<kUid, kNumbers>,
          .floor = over_floor<kUid, kNoZeroId>,
          .floor_text = "not 0"},
    Check{.id = "gid",
          .title = "real, effective, saved and file system group id",
          .remedy = kGroupRemedy,
          .severity = Severity::kHigh,
          .references = "CIS-Docker-4.1 OWASP-Docker-D01",
          .compare = compare<kGid, kEqual>,
          .text = text<kGid, kNumbers>,
          .floor = over_floor<kGid, kNoRootGroup>,
          .floor_text = "not 0"},
    Check{.id = "groups",
          .title = "supplementary groups",
          .remedy = kGroupRemedy,
          .severity = Severity::kHigh,
          .references = "CIS-Docker-4.1 OWASP-Docker-D01",
          .compare = compare<kGroups, kEqual>,
          .text = text<kGroups, kNumbers>,
          .floor = over_floor<kGroups, kNoRootGroup>,
          .floor_text = "not 0"},
    capability_check<&CapabilitySets::inheritable, kEmpty>("capabilities.inheritable", Severity::kMedium,
                                                           "inheritable capabilities", kDropRemedy),
    capability_check<&CapabilitySets::permitted, kEmpty>("capabilities.permitted", Severity::kCritical,
                                                         "permitted capabilities", kDropRemedy),
    capability_check<&CapabilitySets::effective, kEmpty>("capabilities.effective", Severity::kCritical,
                                                         "effective capabilities", kDropRemedy),
    capability_check<&CapabilitySets::bounding, kBoundingEmpty>(
        "capabilities.bounding", Severity::kMedium, "capabilities that a program could still bring",
        "start the container as root with CAP_SETPCAP so that stepdown can empty it, or with --cap-drop=ALL"),
    capability_check<&CapabilitySets::ambient, kEmpty>("capabilities.ambient", Severity::kCritical,
                                                       "capabilities that programs inherit", kDropRemedy),
    Check{.id = "securebits",
          .title = "root gains nothing, and that is locked",
          .remedy = kDropRemedy,
          .severity = Severity::kLow,
          .references = "OWASP-Docker-D04",
          .unseen = Unseen::kPrivate,
          .compare = compare<kSecurebits, kEqual>,
          .text = text<kSecurebits, kBits>},
    Check{.id = "no_new_privs",
          .title = "setuid and file capabilities do nothing",
          .remedy = kDropRemedy,
          .severity = Severity::kHigh,
          .references = "CIS-Docker-5.25 PSS-restricted:allowPrivilegeEscalation OWASP-Docker-D04",
          .compare = compare<kNoNewPrivs, kNoLess>,
          .text = text<kNoNewPrivs, kNumber>,
          .floor = over_floor<kNoNewPrivs, kSet1>,
          .floor_text = "1"},
    Check{.id = "seccomp.mode",
          .title = "a seccomp filter is in force",
          .remedy = "start the app through stepdown without --seccomp=off, on a kernel with CONFIG_SECCOMP_FILTER",
          .severity = Severity::kHigh,
          .references = "CIS-Docker-5.21 PSS-restricted:seccompProfile OWASP-Docker-D04",
          .compare = compare<kMode, kAtLeast>,
          .text = text<kMode, kNumber>,
          .floor = over_floor<kMode, kFiltered>,
          .floor_text = "2"},
    Check{.id = "seccomp.filters",
          .title = "as many seccomp filters as were loaded",
          .remedy = "the start's filter is not on this thread: start it through stepdown",
          .severity = Severity::kHigh,
          .references = "CIS-Docker-5.21 PSS-restricted:seccompProfile",
          .unseen = Unseen::kTolerated,
          .compare = compare<kFilters, kAtLeast>,
          .text = text<kFilters, kNumber>},
    Check{.id = "tracer",
          .title = "nobody traces it",
          .remedy = "a tracer can make it do anything: end the tracer, or restart the container",
          .severity = Severity::kHigh,
          .references = "OWASP-Docker-D04",
          .compare = [](const Sight&) { return Verdict::kSkipped; },
          .text = [](const Facts&) { return std::string("0"); },
          .floor = untraced,
          .floor_text = "0",
          .seen = tracer_text},
};

} // namespace

std::span<const Check> checks() { return kChecks; }

} // namespace stepdown::verify
