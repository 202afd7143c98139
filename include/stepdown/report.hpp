#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stepdown/facts.hpp"

namespace stepdown {

// kUnknown: the observer may not read it, or this kernel does not tell. Never a pass. kSkipped: does not apply here, or
// is waived.
enum class Verdict { kPass, kSkipped, kUnknown, kFail };

// What it is worth when a check fails. kInfo: good to know; unless --fail-on says otherwise it does not count.
enum class Severity { kInfo, kLow, kMedium, kHigh, kCritical };

// One check of one subject. The views are of the check's row and live as long as the program.
struct Finding {
    std::string check; // stable id: "uid", "capabilities.bounding", "seccomp.filters", ...
    Verdict verdict = Verdict::kUnknown;
    std::string expected;
    std::string observed;
    std::string remedy;                    // what to do about it; empty unless kFail or kUnknown
    Severity severity = Severity::kMedium; // of the check; of not knowing, where the verdict is kUnknown
    std::string_view title = {};           // what the check looks at
    std::string_view references = {};      // "CIS-Docker-4.1 PSS-restricted:runAsNonRoot ...", separated by blanks
    std::string waiver = {};               // kSkipped by a policy: its reason, and until when
    std::string file = {};                 // the file it is about, absolute in its root; empty: none

    bool operator==(const Finding&) const = default;
};

enum class Role {
    kInit,
    kApp,
    kForeign
}; // stepdown itself · a process below it · one that entered beside it (docker exec)

struct Subject {
    Thread thread;
    Role role = Role::kApp;
    std::vector<Finding> findings; // empty for kForeign: reported, not judged

    bool operator==(const Subject&) const = default;
};

// The judgement of a whole tree, or of every container of a node.
struct Report {
    std::string receipt;              // path it was judged against; empty: none found
    std::vector<Finding> container;   // findings about the container as a whole: receipt, mounts, user namespace map
    std::vector<Subject> subjects;    // ascending by pid, then tid
    Severity least = Severity::kLow;  // findings below it are told and do not count
    std::string id = {};              // of a node's: the container's as its runtime names it
    std::string pod = {};             // of a node's: the pod's; empty: in none
    bool node = false;                // of a node: container is about the node, the judgements are the members'
    unsigned unreadable = 0;          // of a node: processes of which it could not be told whose they are
    std::vector<Report> members = {}; // a node's containers

    bool operator==(const Report&) const = default;
};

inline bool counts(const Finding& finding, Severity least) {
    return finding.verdict != Verdict::kSkipped && finding.severity >= least;
}

// kFail beats kUnknown beats kPass; what does not count and foreign subjects do not matter.
inline Verdict overall(const Report& report) {
    Verdict worst = Verdict::kPass;
    const auto take = [&worst, &report](const Finding& finding) {
        if (counts(finding, report.least)) {
            worst = std::max(worst, finding.verdict);
        }
    };
    std::ranges::for_each(report.container, take);
    for (const Subject& subject : report.subjects) {
        std::ranges::for_each(subject.findings, take);
    }
    for (const Report& member : report.members) {
        worst = std::max(worst, overall(member));
    }
    return worst;
}

} // namespace stepdown
