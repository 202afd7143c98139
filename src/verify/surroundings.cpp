#include "verify/surroundings.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace stepdown::verify {
namespace {

constexpr unsigned kShown = 8;

constexpr std::array kLooks = {
    Look{.id = "runtime_socket",
         .title = "no container runtime's control socket is in reach",
         .expected = "none",
         .remedy = "who can write to it is root on the host: do not mount it",
         .severity = Severity::kCritical,
         .unseen = Severity::kCritical,
         .references = "CIS-Docker-5.31 PSS-baseline:hostPath OWASP-Docker-D04",
         .look = look_for_runtime_sockets},
    Look{.id = "proc.masked",
         .title = "what /proc and /sys show and change of the host is masked or read-only",
         .expected = "masked",
         .remedy = "start the container without --privileged, systempaths=unconfined or procMount: Unmasked",
         .severity = Severity::kHigh,
         .unseen = Severity::kHigh,
         .references = "CIS-Docker-5.4 PSS-baseline:procMount OWASP-Docker-D04",
         .look = look_at_masks},
    Look{.id = "devices",
         .title = "no device of the host's is in /dev",
         .expected = "the standard ones",
         .remedy = "start the container without --privileged and --device, or waive what the app needs",
         .severity = Severity::kMedium,
         .unseen = Severity::kInfo,
         .references = "CIS-Docker-5.17 PSS-baseline:privileged OWASP-Docker-D04",
         .look = look_at_devices},
    Look{.id = "descriptors",
         .title = "no open file comes from outside the container",
         .expected = "none from outside",
         .remedy = "whoever started the container left it open: update the runtime, restart the container",
         .severity = Severity::kHigh,
         .unseen = Severity::kInfo,
         .references = "OWASP-Docker-D04",
         .look = look_at_descriptors},
    Look{.id = "root.read_only",
         .title = "the root file system is read-only",
         .expected = "read-only",
         .remedy = "start the container with --read-only and volumes for what the app writes",
         .severity = Severity::kInfo,
         .unseen = Severity::kInfo,
         .references = "CIS-Docker-5.12 OWASP-Docker-D04",
         .look = look_at_root},
    Look{.id = "mounts.executable",
         .title = "nothing that can be written can be executed",
         .expected = "none",
         .remedy = "mount what the app writes with noexec",
         .severity = Severity::kInfo,
         .unseen = Severity::kInfo,
         .references = "OWASP-Docker-D04",
         .look = look_for_executable_mounts},
    Look{.id = "foreign",
         .title = "nobody has entered the container beside the app",
         .expected = "nobody",
         .remedy = "let them enter through stepdown exec, or end them",
         .severity = Severity::kInfo,
         .unseen = Severity::kInfo,
         .references = "CIS-Docker-5.22",
         .look = look_for_foreign},
    Look{.id = "zombies",
         .title = "what has ended was waited for",
         .expected = "none",
         .remedy = "their parent does not wait for them: make stepdown PID 1, or mend the parent",
         .severity = Severity::kInfo,
         .unseen = Severity::kInfo,
         .references = "CIS-Docker-5.28",
         .look = look_for_zombies},
    Look{.id = "files.privileged",
         .title = "no file gives its caller privileges",
         .expected = "none",
         .remedy = "no_new_privs makes it worthless: chmod u-s,g-s it or setcap -r it in the image",
         .severity = Severity::kLow,
         .unseen = Severity::kLow,
         .references = "CIS-Docker-4.8 OWASP-Docker-D04",
         .look = look_for_privileged_files,
         .files = true},
};

Finding finding_of(const Look& row, Seen&& seen) {
    Finding finding{.check = std::string(row.id),
                    .verdict = seen.verdict,
                    .expected = std::string(row.expected),
                    .observed = std::move(seen.observed),
                    .severity = seen.verdict == Verdict::kUnknown ? row.unseen : row.severity,
                    .title = row.title,
                    .references = row.references,
                    .file = std::move(seen.file)};
    if (seen.verdict == Verdict::kFail) {
        finding.remedy = row.remedy;
    } else if (seen.verdict == Verdict::kUnknown) {
        finding.remedy = "run verify where it may read that: as root in the container, or on the node";
    }
    return finding;
}

void append(std::vector<Finding>& findings, const Look& row, const Scene& scene) {
    for (Seen& seen : row.look(scene)) {
        findings.push_back(finding_of(row, std::move(seen)));
    }
}

} // namespace

void Listing::add(std::string_view item) {
    if (++count_ <= kShown) {
        text_.append(text_.empty() ? "" : ", ").append(item);
    }
}

std::string Listing::text() const {
    return count_ <= kShown ? text_ : fmt::format("{} and {} more", text_, count_ - kShown);
}

std::span<const Look> looks() { return kLooks; }

std::vector<Finding> look_around(const Scene& scene, bool files, Severity least) {
    std::vector<Finding> findings;
    for (const Look& row : kLooks) {
        if ((row.files && !files) || std::max(row.severity, row.unseen) < least) {
            continue;
        }
        append(findings, row, scene);
    }
    return findings;
}

std::vector<Finding> look_at_files(sys::Kernel& kernel, const sys::Fd& root) {
    const std::string no_proc;
    const std::vector<Sighting> nobody;
    const std::optional<std::vector<Mount>> no_mounts;
    const Scene scene{.kernel = kernel, .proc = no_proc, .threads = nobody, .mounts = no_mounts, .root = root};
    std::vector<Finding> findings;
    for (const Look& row : kLooks) {
        if (row.files) {
            append(findings, row, scene);
        }
    }
    return findings;
}

} // namespace stepdown::verify
