#pragma once

#include <span>
#include <string_view>

#include "stepdown/report.hpp"

namespace stepdown::verify {

// Something an app must not be able to do, tried by the calling thread in a way that harms nothing should it succeed.
// Adding one is adding a row (src/verify/probe.cpp).
struct Attempt {
    std::string_view id;
    std::string_view title;
    Severity severity;
    bool of_root = false;       // uid 0 may always do it, without any privilege: not tried where root is allowed
    bool at_init = false;       // it is about stepdown as PID 1: not tried where there is none
    int (*attempt)() = nullptr; // 0: it could; else the errno. Allocates nothing and touches no memory but its own.
};

std::span<const Attempt> attempts();

// An attempt that was not made.
constexpr int kNotTried = -1;

// A finding for an attempt's outcome.
Finding attempt_finding(const Attempt& attempt, int outcome);

} // namespace stepdown::verify
