#pragma once

#include <optional>
#include <span>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "confine/profile.hpp"

namespace stepdown::confine {

// What a program answers to a call: the kernel's classic BPF machine in user space, with the instructions that
// seccomp(2) allows. Empty when the kernel would refuse the program: an instruction it does not know, a jump or a run
// past the end, a word outside seccomp_data, a division by a constant zero.
std::optional<Action> evaluate(std::span<const sock_filter> program, const seccomp_data& data);

} // namespace stepdown::confine
