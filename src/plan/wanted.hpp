#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stepdown/error.hpp"
#include "stepdown/facts.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::plan {

// SECBIT_NOROOT, SECBIT_NO_SETUID_FIXUP and SECBIT_NO_CAP_AMBIENT_RAISE on, SECBIT_KEEP_CAPS off, all four locked: uid
// 0 is a number like any other for this thread and all it will ever start. capabilities(7), "The securebits flags".
constexpr std::uint32_t kLockedSecurebits = 0xef;

// A start that root has nothing to do with: no capability, the ids already as the Plan has them, and no uid 0 that
// could win capabilities back through execve(2). What only CAP_SETPCAP could change stays as it was; everything else is
// done.
bool already_unprivileged(const Plan& plan, const Facts& before);

// What must be true of the app after the step down and before the filter, given what is true before it. before needs
// uid, gid, groups, capabilities, securebits and no_new_privs.
//
//   uid, gid       as named, else as before
//   groups         none, if CAP_SETGID is effective; else as before, which is refused if a user is named and they are
//   not empty capabilities   all five sets empty; the bounding set as before in an already unprivileged start
//   securebits     kLockedSecurebits; as before in an already unprivileged start
//   no_new_privs   true
//   seccomp        as before: with_filter() adds ours
// All as before, but for the ids named, if the Plan is as_is.
//
// Errors: kUsage when nobody was named and root would run the app, or root was named and not allowed; kDrop when a
// capability is missing for the above, with its name and the remedy.
Result<Facts> wanted(const Plan& plan, const Facts& before);

// The same once the app has its filter: mode 2, one filter more. Unchanged if the Plan has none.
Facts with_filter(const Plan& plan, Facts facts);

// What is allowed but unwise about this start, to be shown with plan.warnings: the engine's gid 0.
std::vector<std::string> start_warnings(const Plan& plan, const Facts& before);

} // namespace stepdown::plan
