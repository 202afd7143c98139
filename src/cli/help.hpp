#pragma once

#include <string>
#include <string_view>

#include "cli/parsed.hpp"

#ifndef STEPDOWN_VERSION // the build says which
#define STEPDOWN_VERSION "0.1.0-dev"
#endif

namespace stepdown::cli {

constexpr std::string_view kVersion = STEPDOWN_VERSION;

// --help of a command, made from the option table, at most 80 columns wide.
std::string help_text(Command command);

// --version: "stepdown VERSION\n".
std::string version_text();

} // namespace stepdown::cli
