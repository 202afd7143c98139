#pragma once

#include <string>
#include <string_view>

// No exceptions: an error of a text is a value here. Nothing of ours writes TOML, and no file of ours nests more than a
// table in a list: what nests without end must not reach the stack's.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
// What toml++ 3.3 asserts a bad file can make false ("[/]"), and with NDEBUG it has the compiler assume it. Neither is
// wanted: its next lines look for themselves.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "stepdown/error.hpp"

namespace stepdown::cli {

// text as TOML 1.0, or why not, in one line that begins with name and the number of text's line.
Result<toml::table> parse_toml(std::string_view text, const std::string& name);

// "NAME:LINE", as messages tell where something is written.
std::string place_of(const std::string& name, const toml::source_region& source);

} // namespace stepdown::cli
