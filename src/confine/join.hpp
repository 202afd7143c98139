#pragma once

#include <span>
#include <vector>

#include <linux/filter.h>

#include "stepdown/error.hpp"

namespace stepdown::confine {

// One program that answers as first does where that refuses, kills or asks, and leaves to then what it would let
// through: what then lets through as well gets first's answer (allow, log, trace). The instructions of first stay where
// they are. Errors (kUsage): longer than the kernel takes.
Result<std::vector<sock_filter>> followed_by(std::span<const sock_filter> first, std::span<const sock_filter> then);

} // namespace stepdown::confine
