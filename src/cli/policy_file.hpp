#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "stepdown/error.hpp"
#include "stepdown/policy.hpp"

namespace stepdown::cli {

// "restricted" and "baseline", after the Pod Security Standards of those names as far as a running process shows them:
// restricted is a user other than root, no capability but cap_net_bind_service, no_new_privs and a filter; baseline is
// Docker's default capabilities and a filter. Empty: no such word.
std::optional<Policy> named_policy(std::string_view word);

// A policy in TOML. Keys: base = "restricted" or "baseline" (else every key starts from what stepdown gives an app);
// allow-root, allow-root-group, allow-new-privileges, allow-unconfined = true; capabilities and bounding = a mask in 16
// hexadecimal digits, as /proc/PID/status writes it; and any number of [[waiver]] tables with check, reason and
// expires, a date. All three of a waiver must be there, and a reason says something. Errors (kUsage) name the line.
// checks: the ids that a waiver may name; empty: any.
Result<Policy> read_policy(const std::string& text, const std::string& name,
                           std::span<const std::string_view> checks = {});

} // namespace stepdown::cli
