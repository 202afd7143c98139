#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "confine/profile.hpp"

namespace stepdown::confine {

// Whether an instruction ends the program with an answer of this kind, SECCOMP_RET_*.
constexpr bool returns(const sock_filter& instruction, Action kind) {
    return instruction.code == (BPF_RET | BPF_K) && (instruction.k & SECCOMP_RET_ACTION_FULL) == kind;
}

// Or with one that a notification would count more than, of two filters' answers, seccomp(2).
constexpr bool lets_through(const sock_filter& instruction) {
    return returns(instruction, SECCOMP_RET_ALLOW) || returns(instruction, SECCOMP_RET_LOG) ||
           returns(instruction, SECCOMP_RET_TRACE);
}

} // namespace stepdown::confine
