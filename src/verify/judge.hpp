#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stepdown/facts.hpp"
#include "stepdown/policy.hpp"
#include "stepdown/report.hpp"

namespace stepdown::verify {

// When the question is asked. At the start the observed facts must be the wanted ones to the bit. Later a process may
// have given up more by itself: fewer capabilities, no_new_privs of its own, filters of its own.
enum class Moment { kStart, kLater };

// All that a check may look at. A check that needs more adds a member here; no signature changes.
struct Sight {
    const Facts& wanted;
    const Facts& observed;
    const Thread* thread = nullptr; // when more than its facts is known
    const Floor* floor = nullptr;   // empty: wanted is the whole law
    Moment moment = Moment::kLater;
    bool proven = true; // false: the app could have written what is wanted; that it agrees says nothing then
};

// What it means that a wanted fact cannot be observed.
enum class Unseen {
    kMismatch,  // at the start a mismatch, later unknown
    kTolerated, // not every kernel tells: passed over at the start, unknown later
    kPrivate,   // only the thread itself can ask: passed over at the start, skipped later
};

// One row of the table. Adding a check is adding a row (src/verify/checks.cpp) and its test.
struct Check {
    std::string_view id;     // stable, Finding::check
    std::string_view title;  // what it looks at
    std::string_view remedy; // what to do when it fails
    Severity severity = Severity::kHigh;
    std::string_view references; // of guidelines, separated by blanks: docs/verify.md says which
    Unseen unseen = Unseen::kMismatch;
    Verdict (*compare)(const Sight&);            // wanted against observed; kSkipped: not asked for
    std::string (*text)(const Facts&);           // the fact in words, for expected and observed; empty: not known
    Verdict (*floor)(const Sight&) = nullptr;    // holds besides; kSkipped: asks nothing here
    std::string_view floor_text = {};            // what the floor expects
    std::string (*seen)(const Sight&) = nullptr; // observed in words where it is not a fact
};

std::span<const Check> checks();

// The barrier before the app's first instruction: the first row that does not hold, fail closed. Allocates only for a
// finding.
std::optional<Finding> first_mismatch(const Facts& wanted, const Facts& observed);

// A finding per row, in the table's order. The first takes wanted for the whole law; the second also knows the thread's
// tracer, and holds the floor. proven: see Sight.
std::vector<Finding> judge(const Facts& wanted, const Facts& observed);
std::vector<Finding> judge(const Facts& wanted, const Thread& observed, const Floor& floor, bool proven = true);

} // namespace stepdown::verify
