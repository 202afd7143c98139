#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "sys/kernel.hpp"

namespace stepdown::commands {

// verify answers by 0, 1, 2, 3 alone: it has no app whose status could be meant.
constexpr int kVerifyUsage = 2;

struct VerifyOptions {
    std::string format = "text";  // a name of render::report_formats()
    std::optional<pid_t> pid;     // only this process
    bool quiet = false;           // the exit code alone
    std::string receipt = "auto"; // or "off", or an absolute path
    std::string proc = "/proc";   // a mounted proc(5)
};

// Judges the running tree and writes the report to standard output. Exit status: 0 pass, 1 fail, 2 usage (a line on
// standard error), 3 unknown; also 3 when the report could not be written.
int verify(sys::Kernel& kernel, const VerifyOptions& options);

} // namespace stepdown::commands
