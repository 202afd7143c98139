#pragma once

#include <string>
#include <vector>

#include "confine/load.hpp"
#include "stepdown/confinement.hpp"
#include "stepdown/error.hpp"

namespace stepdown::confine {

// Landlock's rules for ports are about connect(2) and bind(2) of TCP sockets, landlock(7). The same ports can be
// reached by Multipath TCP and SMC, which are protocols of their own, and by TCP Fast Open, which connects in
// sendto(2). Where ports are restricted, the filter that is given gets a second half that refuses these as a kernel
// without them does, so that programs fall back to plain TCP. Errors (kUsage): too long; (kConfine) there is no filter,
// and
// --landlock=require.
Result<Filter> keep_to_plain_tcp(Filter filter, const Landlock& asked, std::vector<std::string>& warnings);

} // namespace stepdown::confine
