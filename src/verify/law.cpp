#include "verify/law.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <linux/capability.h>

#include <fmt/format.h>

#include "verify/user_namespace.hpp"

namespace stepdown::verify {
namespace {

// Checks that look at more than one thread's facts: the row's words.
struct Row {
    std::string_view id;
    std::string_view title;
    Severity severity;
    std::string_view references;
};

constexpr std::string_view kDocker41 = "CIS-Docker-4.1 OWASP-Docker-D01";

constexpr Row kReceipt = {"receipt", "the start left a receipt, and it is well-formed", Severity::kMedium, kDocker41};
constexpr Row kProtected = {"receipt.protected", "only root can have written the receipt", Severity::kMedium,
                            kDocker41};
constexpr Row kDumpable = {"init.dumpable", "the app can neither trace nor read PID 1", Severity::kHigh,
                           "OWASP-Docker-D04"};
constexpr Row kStatus = {"status", "the kernel's account can be read", Severity::kCritical,
                         kDocker41}; // or not even uid was judged
constexpr Row kProcess = {"process", "what is to be judged is there", Severity::kCritical, "CIS-Docker-4.1"};
constexpr Row kState = {"state", "it is alive", Severity::kInfo, {}};
constexpr Row kNamespace = {"user_namespace", "who its ids are outside", Severity::kInfo,
                            "CIS-Docker-5.30 OWASP-Docker-D01"};

constexpr Row kEmulation = {"emulation", "whether the app is told the truth", Severity::kInfo, "OWASP-Docker-D01"};

constexpr Row kEnforced = {"seccomp.enforced", "the filter refuses what it denies", Severity::kHigh,
                           "CIS-Docker-5.21 OWASP-Docker-D04"};

constexpr std::uint32_t kFirstOrdinaryUser = 1000; // Debian's, Red Hat's and Alpine's lowest uid for people

Finding finding_of(const Row& row, Verdict verdict, std::string expected, std::string observed,
                   std::string remedy = {}) {
    return {.check = std::string(row.id),
            .verdict = verdict,
            .expected = std::move(expected),
            .observed = std::move(observed),
            .remedy = std::move(remedy),
            .severity = row.severity,
            .title = row.title,
            .references = row.references};
}

// A receipt that contradicts itself was not written by a start.
std::string contradiction(const Receipt& receipt) {
    const Facts& wanted = receipt.wanted;
    const unsigned separate = (receipt.filter ? 1 : 0) + (receipt.emulation ? 1 : 0);
    const unsigned ours = receipt.heard_for.empty() ? separate : 1; // a listener's filter holds them all
    if (receipt.filters_before && wanted.seccomp_filters && *wanted.seccomp_filters != *receipt.filters_before + ours) {
        return fmt::format("Seccomp_filters is {}, but FiltersBefore is {} and the start added {}",
                           *wanted.seccomp_filters, *receipt.filters_before, ours);
    }
    if (receipt.filter && wanted.seccomp_mode && *wanted.seccomp_mode != 2) {
        return "Filter names one, but Seccomp is not 2";
    }
    const bool root = wanted.uid && std::ranges::contains(*wanted.uid, 0U);
    return root && !receipt.allow_root ? "Uid is 0, but AllowRoot is no" : "";
}

Finding receipt_finding(const ReceiptFile& file, bool needed) {
    const char* const kExpected = "what the start left";
    const std::string trouble = fmt::format("{}: {}", file.path, file.trouble);
    const char* const kForged =
        "it was damaged or forged after the start: restart the container and find out who may write there";
    switch (file.state) {
    case ReceiptFile::State::kRead:
        if (const std::string why = contradiction(file.receipt); !why.empty()) {
            return finding_of(kReceipt, Verdict::kFail, kExpected, fmt::format("{}: {}", file.path, why), kForged);
        }
        return finding_of(kReceipt, Verdict::kPass, kExpected, file.path);
    case ReceiptFile::State::kMissing:
        if (!needed) {
            return finding_of(kReceipt, Verdict::kSkipped, kExpected, trouble + "; the policy decides");
        }
        return finding_of(kReceipt, Verdict::kUnknown, kExpected, trouble,
                          "start the app through stepdown, or say --receipt=PATH or --policy; only the floor was held");
    case ReceiptFile::State::kUnreadable:
        return finding_of(kReceipt, Verdict::kUnknown, kExpected, trouble, "run verify as a user who may read it");
    case ReceiptFile::State::kMalformed:
        break;
    }
    return finding_of(kReceipt, Verdict::kFail, kExpected, trouble, kForged);
}

// A start without root can make a file and a directory of its own, and cannot lock securebits.
bool could_not_do_better(const ReceiptFile& file) {
    return file.of_one_user && file.receipt.wanted.securebits.value_or(0) == 0;
}

// An app that is root, or may write what is root's, could have written any receipt: it cannot speak for itself.
bool could_write_as_root(const Facts& app) {
    constexpr std::uint64_t kWrites = std::uint64_t{1} << CAP_CHOWN | std::uint64_t{1} << CAP_DAC_OVERRIDE |
                                      std::uint64_t{1} << CAP_FOWNER | std::uint64_t{1} << CAP_SETUID |
                                      std::uint64_t{1} << CAP_SYS_ADMIN;
    return (app.uid && std::ranges::contains(*app.uid, 0U)) ||
           (app.capabilities && (app.capabilities->permitted & kWrites) != 0);
}

Finding protection_finding(const ReceiptFile& file, bool needed) {
    const char* const kExpected = "only root can have written it";
    if (!file.exposed.empty() && could_not_do_better(file)) {
        return finding_of(kProtected, Verdict::kSkipped, kExpected,
                          file.exposed + ", as a start without root leaves it; it loosens nothing and proves nothing");
    }
    if (!file.exposed.empty()) {
        return finding_of(kProtected, Verdict::kFail, kExpected, file.exposed,
                          "its start did not leave it so: restart the container and find out who changed that");
    }
    if (could_write_as_root(file.receipt.wanted)) {
        return needed ? finding_of(kProtected, Verdict::kUnknown, kExpected,
                                   "the app may write as root, and so have written it",
                                   "say with --policy what must hold of such an app")
                      : finding_of(kProtected, Verdict::kSkipped, kExpected,
                                   "the app may write as root, and so have written it; the policy decides");
    }
    return finding_of(kProtected, Verdict::kPass, kExpected, kExpected);
}

// The ids that the app is told are not the ones below, which are the kernel's.
Finding emulation_finding(const Receipt& receipt) {
    return finding_of(kEmulation, Verdict::kSkipped, "reported, not judged",
                      fmt::format("root is emulated for the app, {}: it is told that it is root; what follows is true",
                                  receipt.emulation->name));
}

Finding enforced_finding(const Receipt& receipt, bool proven) {
    constexpr std::string_view kExpected = "what the filter denies is refused";
    return receipt.heard_for == "learn"
               ? finding_of(kEnforced, Verdict::kFail, std::string(kExpected), "it is told and let through",
                            "start without --seccomp-learn")
               : finding_of(kEnforced, proven ? Verdict::kPass : Verdict::kSkipped, std::string(kExpected),
                            fmt::format("PID 1 hears of it, {}, and refuses it", receipt.heard_for));
}

std::string who(std::uint32_t uid) {
    return fmt::format("uid {}{}", uid,
                       uid == 0                   ? ", root"
                       : uid < kFirstOrdinaryUser ? ", a system user's number"
                                                  : "");
}

std::string id_map_text(sys::Kernel& kernel, const std::string& path, const Law& law) {
    const auto file = kernel.open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    const auto text = file ? kernel.read_whole(*file) : std::unexpected(file.error());
    if (!text) {
        return fmt::format("{}: {}", path, std::strerror(text.error()));
    }
    const auto map = parse_id_map(*text);
    if (!map) {
        return fmt::format("{}: malformed", path);
    }
    std::string words;
    for (const IdRange& range : *map) {
        words += fmt::format("{} {} {}; ", range.inside, range.outside, range.length);
    }
    if (!law.wanted.uid) {
        return words + "inside, outside, count";
    }
    const std::uint32_t uid = (*law.wanted.uid)[0];
    const auto outside = outside_id(*map, uid);
    return words + fmt::format("uid {} is {} outside", uid, outside ? who(*outside) : "nobody");
}

// A process that is not dumpable has root's /proc files (proc(5)), and neither ptrace nor /proc/PID/mem of the same uid
// works.
Finding dumpable_finding(const Sighting& init) {
    const auto& uid = init.thread.facts.uid;
    if (!uid || !init.status_owner) {
        return finding_of(kDumpable, Verdict::kUnknown, "no", "not readable", "run verify as root in the container");
    }
    if ((*uid)[1] == 0) {
        return finding_of(kDumpable, Verdict::kSkipped, "no", "cannot be told of a process of uid 0");
    }
    if (*init.status_owner == (*uid)[1]) {
        return finding_of(kDumpable, Verdict::kFail, "no", "yes",
                          "the app can trace and read PID 1: let stepdown, unchanged, be PID 1");
    }
    return finding_of(kDumpable, Verdict::kPass, "no", "no");
}

void apply_waiver(Finding& finding, const Policy& policy, const std::string& today) {
    if (finding.verdict != Verdict::kFail && finding.verdict != Verdict::kUnknown) {
        return;
    }
    const Waiver* waiver = nullptr; // of several the one that holds the longest
    for (const Waiver& one : policy.waivers) {
        if (one.check == finding.check && (waiver == nullptr || one.expires > waiver->expires)) {
            waiver = &one;
        }
    }
    if (waiver == nullptr) {
        return;
    }
    if (waiver->expires < today) {
        finding.remedy.insert(0, fmt::format("its waiver expired on {}: ", waiver->expires));
        return;
    }
    finding.verdict = Verdict::kSkipped;
    finding.remedy.clear();
    finding.waiver = fmt::format("{}, until {}", waiver->reason, waiver->expires);
}

} // namespace

Law law_of(const ReceiptFile* file, const std::optional<Policy>& policy) {
    Law law;
    const bool read = file != nullptr && file->state == ReceiptFile::State::kRead;
    if (read && (file->exposed.empty() || file->receipt.pid == 1)) {
        const Receipt& receipt = file->receipt;
        law = {.wanted = receipt.wanted,
               .proven = file->exposed.empty(),
               .floor = {},
               .init = receipt.pid,
               .init_is_app = !receipt.init,
               .init_is_hidden = receipt.init};
        if (receipt.emulation && receipt.init && receipt.filters_before) {
            law.filters_of_init = *receipt.filters_before + 1;
        }
        if (file->exposed.empty()) {
            law.floor = {.root_allowed = receipt.allow_root,
                         .named_allowed = true,
                         .no_filter_allowed = !receipt.filter.has_value()};
        }
    }
    if (policy) {
        law.floor = policy->floor;
    }
    return law;
}

std::vector<Finding> receipt_findings(const ReceiptFile& file, bool needed) {
    std::vector<Finding> findings = {receipt_finding(file, needed)};
    if (file.state == ReceiptFile::State::kRead) {
        findings.push_back(protection_finding(file, needed));
        if (file.receipt.emulation) {
            findings.push_back(emulation_finding(file.receipt));
        }
        if (!file.receipt.heard_for.empty()) {
            findings.push_back(enforced_finding(file.receipt, file.exposed.empty()));
        }
    }
    return findings;
}

std::vector<Finding> judge_thread(const Sighting& seen, const Law& law) {
    if (!seen.trouble.empty()) {
        return {finding_of(kStatus, Verdict::kUnknown, "readable", seen.trouble,
                           "run verify as root in the container, on a /proc mounted without hidepid")};
    }
    if (seen.zombie()) {
        return {finding_of(kState, Verdict::kSkipped, "alive", "zombie: it has ended and runs nothing")};
    }
    Facts wanted = law.wanted;
    if (seen.role == Role::kInit && law.filters_of_init) {
        wanted.seccomp_filters = law.filters_of_init;
    }
    auto findings = judge(wanted, seen.thread, law.floor, law.proven);
    if (seen.role == Role::kInit && law.init_is_hidden && seen.thread.pid == seen.thread.tid) {
        findings.push_back(dumpable_finding(seen));
    }
    return findings;
}

Finding user_namespace_finding(sys::Kernel& kernel, const std::string& proc, pid_t main, const Law& law) {
    return finding_of(kNamespace, Verdict::kSkipped, "reported, not judged",
                      id_map_text(kernel, fmt::format("{}/{}/uid_map", proc, main), law));
}

void require_judged(Report& report) {
    const auto is_judgement = [](const Finding& finding) { return finding.verdict != Verdict::kSkipped; };
    for (const Subject& subject : report.subjects) {
        if (std::ranges::any_of(subject.findings, is_judgement)) {
            return;
        }
    }
    if (!std::ranges::contains(report.container, kProcess.id, &Finding::check)) {
        report.container.push_back(finding_of(kProcess, Verdict::kUnknown, "a process that can be judged",
                                              "what is there has ended, or has entered from outside",
                                              "run verify while the app runs"));
    }
}

void apply_waivers(Report& report, const std::optional<Policy>& policy, const std::string& today) {
    apply_waivers(report.container, policy, today);
    for (Subject& subject : report.subjects) {
        apply_waivers(subject.findings, policy, today);
    }
}

void apply_waivers(std::vector<Finding>& findings, const std::optional<Policy>& policy, const std::string& today) {
    for (Finding& finding : policy ? std::span(findings) : std::span<Finding>()) {
        apply_waiver(finding, *policy, today);
    }
}

} // namespace stepdown::verify
