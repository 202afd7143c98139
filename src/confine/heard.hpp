#pragma once

#include <span>
#include <vector>

#include <linux/filter.h>

#include "stepdown/error.hpp"

namespace stepdown::confine {

// Which of the calls that a filter decides about its listener hears of, seccomp_unotify(2).
enum class Hears {
    kDenials, // those that it answers with an errno
    kAll,     // those that it lets through as well
};

// One program for two, since a process can be under one filter with a listener only: the app's (empty: everything is
// allowed), and of what that lets through the other one's say (empty: none). What hears names becomes
// SECCOMP_RET_USER_NOTIF, so that the listener has to run the two for itself; all other answers stay. A program that
// says what it returns by its accumulator, which the compiler here writes none of, is heard of only as far as it does
// not. Errors (kUsage): more than the kernel's BPF_MAXINSNS instructions.
Result<std::vector<sock_filter>> heard(std::span<const sock_filter> app, std::span<const sock_filter> other,
                                       Hears hears);

} // namespace stepdown::confine
