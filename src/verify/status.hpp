#pragma once

#include <string>
#include <string_view>

#include "stepdown/facts.hpp"

namespace stepdown::verify {

// A text in the format of proc_pid_status(5), read.
struct Status {
    // What the text does not say stays empty; of the plain fields pid, tid, parent and tracer are -1 and state is '?'
    // then.
    Thread thread;
    // A line this parser knows was written as the kernel never writes it: bad number, missing tab, repeated, cut off.
    // Its field is empty. Harmless in an account of the kernel's (nothing unknown ever passes), forgery or damage in a
    // receipt.
    bool malformed = false;
    pid_t inner_pid = -1; // its number in its own, innermost PID namespace; only this parser tells
};

// Unknown lines are skipped, whatever they hold. Allocates only for supplementary groups, of which a dropped process
// has none: it runs between the app's fork and its first instruction.
Status read_status(std::string_view text);

inline Thread parse_status(std::string_view text) { return read_status(text).thread; }

// The lines of the known facts, as the kernel writes them. Securebits are not among them: the kernel has no such line.
void append_facts(std::string& text, const Facts& facts);

} // namespace stepdown::verify
