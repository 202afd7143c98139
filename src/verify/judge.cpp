#include "verify/judge.hpp"

namespace stepdown::verify {
namespace {

std::string or_else(std::string text, const char* absent) { return text.empty() ? absent : std::move(text); }

Finding describe(const Check& check, const Sight& sight, Verdict verdict, bool by_floor) {
    Finding finding;
    finding.check = check.id;
    finding.verdict = verdict;
    finding.severity = check.severity;
    finding.title = check.title;
    finding.references = check.references;
    finding.expected = by_floor ? std::string(check.floor_text) : or_else(check.text(sight.wanted), "not asked for");
    finding.observed = or_else(check.seen != nullptr ? check.seen(sight) : check.text(sight.observed), "not readable");
    if (verdict == Verdict::kFail || verdict == Verdict::kUnknown) {
        finding.remedy =
            verdict == Verdict::kFail ? check.remedy : "read it as root in the container, on a kernel that tells it";
    }
    return finding;
}

Finding judge_row(const Check& check, const Sight& sight) {
    Verdict verdict = check.compare(sight);
    if (verdict == Verdict::kUnknown && check.unseen == Unseen::kPrivate) {
        verdict = Verdict::kSkipped;
    }
    if (verdict == Verdict::kPass && !sight.proven) {
        verdict = Verdict::kSkipped;
    }
    bool by_floor = false;
    if (check.floor != nullptr && verdict != Verdict::kFail) {
        const Verdict floor = check.floor(sight);
        by_floor = floor != Verdict::kSkipped && (floor == Verdict::kFail || verdict == Verdict::kSkipped);
        verdict = by_floor ? floor : verdict;
    }
    return describe(check, sight, verdict, by_floor);
}

std::vector<Finding> judge_all(const Sight& sight) {
    std::vector<Finding> findings;
    findings.reserve(checks().size());
    for (const Check& check : checks()) {
        findings.push_back(judge_row(check, sight));
    }
    return findings;
}

} // namespace

std::optional<Finding> first_mismatch(const Facts& wanted, const Facts& observed) {
    const Sight sight{.wanted = wanted, .observed = observed, .moment = Moment::kStart};
    for (const Check& check : checks()) {
        const Verdict verdict = check.compare(sight);
        if (verdict == Verdict::kFail || (verdict == Verdict::kUnknown && check.unseen == Unseen::kMismatch)) {
            return describe(check, sight, verdict, false);
        }
    }
    return std::nullopt;
}

std::vector<Finding> judge(const Facts& wanted, const Facts& observed) {
    return judge_all({.wanted = wanted, .observed = observed});
}

std::vector<Finding> judge(const Facts& wanted, const Thread& observed, const Floor& floor, bool proven) {
    return judge_all(
        {.wanted = wanted, .observed = observed.facts, .thread = &observed, .floor = &floor, .proven = proven});
}

} // namespace stepdown::verify
