#pragma once

#include "verify/assess.hpp"
#include "verify/judge.hpp"
#include "verify/receipt_file.hpp"
#include "verify/tree.hpp"

namespace stepdown::verify {

// What one container is held against.
struct Law {
    Facts wanted;                            // empty without a receipt
    bool proven = true;                      // false: the app could have written wanted, which tightens and no more
    std::optional<unsigned> filters_of_init; // it has one filter of its own, and no emulation
    Floor floor;
    pid_t init = 1;              // in the container's own numbers
    bool init_is_app = false;    // there is no init: that process is the app itself
    bool init_is_hidden = false; // init is stepdown, which makes itself non-dumpable
};

// A policy's floor is loosened by nothing. Without one, a receipt that the app cannot have written loosens ours. One
// that it could have written does not say either who else is there: where it is not about PID 1, the floor alone is
// held.
Law law_of(const ReceiptFile* file, const std::optional<Policy>& policy);

// The findings about the receipt itself: there, well-formed, consistent, protected.
std::vector<Finding> receipt_findings(const ReceiptFile& file, bool needed);

// The findings of one thread that is judged.
std::vector<Finding> judge_thread(const Sighting& seen, const Law& law);

// Who the container's ids are one user namespace further out: reported, not judged.
Finding user_namespace_finding(sys::Kernel& kernel, const std::string& proc, pid_t main, const Law& law);

// Where nobody was judged, a finding that says so: an absence of failures is no pass.
void require_judged(Report& report);

// Somebody answers for it until a day that has not passed: kSkipped, with the reason.
void apply_waivers(Report& report, const std::optional<Policy>& policy, const std::string& today);

} // namespace stepdown::verify
