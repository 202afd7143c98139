#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepdown::plan {

constexpr int kLastSignal = 64;

// A signal(7) name with or without SIG, in capitals, a number from 1 to 64, or RTMIN+N, RTMAX-N. RTMIN is 34, as the C
// library of most apps and Docker's --stop-signal count: the kernel's first two real-time signals are that library's
// own.
std::optional<int> signal_number(std::string_view word);

// The name without SIG, or the number where there is none.
std::string signal_name(int number);

} // namespace stepdown::plan
