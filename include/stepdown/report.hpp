#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stepdown/facts.hpp"

namespace stepdown {

// kUnknown: the observer may not read it, or this kernel does not tell. Never a pass. kSkipped: does not apply here.
enum class Verdict { kPass, kSkipped, kUnknown, kFail };

// One check of one subject.
struct Finding {
    std::string check; // stable id: "uid", "capabilities.bounding", "seccomp.filters", ...
    Verdict verdict = Verdict::kUnknown;
    std::string expected;
    std::string observed;
    std::string remedy; // what to do about it; empty unless kFail or kUnknown

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

// The judgement of a whole tree.
struct Report {
    std::string receipt;            // path it was judged against; empty: none found
    std::vector<Finding> container; // findings about the container as a whole: receipt, user namespace map
    std::vector<Subject> subjects;  // ascending by pid, then tid

    bool operator==(const Report&) const = default;
};

// kFail beats kUnknown beats kPass; skipped findings and foreign subjects do not count.
inline Verdict overall(const Report& report) {
    Verdict worst = Verdict::kPass;
    const auto take = [&worst](const Finding& finding) {
        if (finding.verdict != Verdict::kSkipped && finding.verdict > worst) {
            worst = finding.verdict;
        }
    };
    for (const Finding& finding : report.container) {
        take(finding);
    }
    for (const Subject& subject : report.subjects) {
        for (const Finding& finding : subject.findings) {
            take(finding);
        }
    }
    return worst;
}

} // namespace stepdown
