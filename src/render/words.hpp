#pragma once

#include <span>
#include <string>
#include <string_view>

#include "stepdown/report.hpp"

// What the formats of a report share.
namespace stepdown::render {

std::string_view verdict_word(Verdict verdict);    // "pass" "skipped" "unknown" "fail"
std::string_view role_word(Role role);             // "init" "app" "foreign"
std::string_view severity_word(Severity severity); // "info" "low" "medium" "high" "critical"

// The worst of those that count; kSkipped where none does.
Verdict worst_of(const std::vector<Finding>& findings, Severity least = Severity::kLow);

// ASCII alone: names come from the app, and a receipt may. Nothing of theirs may speak to a terminal, or end a line.
std::string printable(std::string_view text);

// One finding, with where it was made.
struct Place {
    const Report& report; // of its container
    const Subject* subject = nullptr;
    const Finding& finding;
};

// Every finding of every container, in the report's order.
std::vector<Place> places(const Report& report);

// "container", or "app 7 nginx", "app 7/9 nginx"; behind a node's container's id.
std::string name_of(const Place& place);

// "expected X, observed Y", and the waiver if there is one.
std::string sentence_of(const Finding& finding);

// How the findings of a whole report come out.
struct Tally {
    std::size_t pass = 0;
    std::size_t fail = 0;    // that count
    std::size_t unknown = 0; // that count
    std::size_t told = 0;    // fail or unknown, below what counts
    std::size_t skipped = 0;
};
Tally tally(const Report& report);

} // namespace stepdown::render
