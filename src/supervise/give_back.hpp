#pragma once

namespace stepdown::supervise {

// Gives the start's code, constants and stack, nine tenths of what PID 1 holds, back to the kernel; what is still used
// is mapped anew. To be called when the app runs: the time it takes is then nobody's. Asks for madvise(2).
void give_start_back() noexcept;

} // namespace stepdown::supervise
