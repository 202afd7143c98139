#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"

namespace stepdown::cli {

// One value as it was found in one source, before anybody has asked whether a stronger source overrides it.
struct Given {
    const Option* option;
    Setting setting;
};

// What every source hands its findings to; of kWords one value may be several. Refuses an empty value and one with
// control characters, so that no setter, message or receipt has to think of them; tabs and newlines of kFree alone
// pass.
Result<> add_value(std::vector<Given>& given, const Option& option, std::string_view value, const Source& source);

} // namespace stepdown::cli
