#include "render/words.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace stepdown::render {
namespace {

void append_places(const Report& report, std::vector<Place>& all) {
    for (const Finding& finding : report.container) {
        all.push_back({.report = report, .finding = finding});
    }
    for (const Subject& subject : report.subjects) {
        for (const Finding& finding : subject.findings) {
            all.push_back({.report = report, .subject = &subject, .finding = finding});
        }
    }
    for (const Report& member : report.members) {
        append_places(member, all);
    }
}

} // namespace

std::string_view verdict_word(Verdict verdict) {
    switch (verdict) {
    case Verdict::kPass:
        return "pass";
    case Verdict::kSkipped:
        return "skipped";
    case Verdict::kUnknown:
        return "unknown";
    case Verdict::kFail:
        return "fail";
    }
    return "unknown";
}

std::string_view role_word(Role role) {
    switch (role) {
    case Role::kInit:
        return "init";
    case Role::kApp:
        return "app";
    case Role::kForeign:
        return "foreign";
    }
    return "foreign";
}

std::string_view severity_word(Severity severity) {
    constexpr std::string_view kWords[] = {"info", "low", "medium", "high", "critical"};
    return kWords[static_cast<std::size_t>(severity)];
}

Verdict worst_of(const std::vector<Finding>& findings, Severity least) {
    bool judged = false;
    Verdict worst = Verdict::kPass;
    for (const Finding& finding : findings) {
        if (finding.verdict == Verdict::kPass || counts(finding, least)) {
            judged = true;
            worst = std::max(worst, finding.verdict);
        }
    }
    return judged ? worst : Verdict::kSkipped;
}

std::string printable(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c >= ' ' && c <= '~') {
            safe += c;
        } else {
            safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return safe;
}

std::vector<Place> places(const Report& report) {
    std::vector<Place> all;
    append_places(report, all);
    return all;
}

std::string name_of(const Place& place) {
    std::string name = place.report.id.empty() ? "" : place.report.id.substr(0, 12) + " ";
    if (place.subject == nullptr) {
        return name + (place.report.node ? "node" : "container");
    }
    const Thread& thread = place.subject->thread;
    name += fmt::format("{} {}", role_word(place.subject->role), thread.pid);
    if (thread.tid != thread.pid) {
        name += fmt::format("/{}", thread.tid);
    }
    return thread.name.empty() ? name : name + " " + printable(thread.name);
}

std::string sentence_of(const Finding& finding) {
    std::string text =
        fmt::format("expected {}, observed {}", printable(finding.expected), printable(finding.observed));
    return finding.waiver.empty() ? text : text + "; waived: " + printable(finding.waiver);
}

Tally tally(const Report& report) {
    Tally all;
    for (const Place& place : places(report)) {
        const Finding& finding = place.finding;
        if (finding.verdict == Verdict::kPass) {
            ++all.pass;
        } else if (finding.verdict == Verdict::kSkipped) {
            ++all.skipped;
        } else if (!counts(finding, place.report.least)) {
            ++all.told;
        } else {
            ++(finding.verdict == Verdict::kFail ? all.fail : all.unknown);
        }
    }
    return all;
}

} // namespace stepdown::render
