#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <linux/filter.h>

#include "confine/profile.hpp"
#include "confine/read.hpp"
#include "stepdown/error.hpp"

namespace stepdown::confine {

// A filter compiled ahead, as it lies in a file: some lines of text that say what it is for, an empty line, and the
// program's bytes.
struct Compiled {
    Architecture native = Architecture::kX86_64;
    unsigned flags = 0;            // SECCOMP_FILTER_FLAG_*
    KernelVersion kernel_from = 0; // the kernels for which the profile says the same
    KernelVersion kernel_below = kNoKernel;
    std::set<std::string> with_capabilities = {}; // the app's, for which it says the same; and those it has not
    std::set<std::string> without_capabilities = {};
    std::string source_sha256; // of the profile's text
    std::vector<sock_filter> program;
};

// Whether a file's text is meant to be one.
bool is_compiled(std::string_view bytes);

std::string write_compiled(const Compiled& filter);

// Errors (kUsage): not a whole one, changed since it was written, of another version's form, with flags that a filter
// of its own cannot have.
Result<Compiled> read_compiled(std::string_view bytes);

// Refuses (kUsage) a filter for another machine, or for a kernel or capabilities of the app with which the profile
// would say something else.
Result<> check_fit(const Compiled& filter, const Machine& machine);

} // namespace stepdown::confine
