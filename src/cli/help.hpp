#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cli/options.hpp"

#ifndef STEPDOWN_VERSION // the build says which
#define STEPDOWN_VERSION "0.1.0-dev"
#endif

namespace stepdown::cli {

constexpr std::string_view kVersion = STEPDOWN_VERSION;

// What --help is made of, for the manual pages and completions too: the groups of options in order, with their titles;
// the line a command is written as; what run does, and where options come from; exit codes with their meanings.
std::span<const std::pair<Stage, std::string_view>> stages();
std::string_view usage_of(Command command);
extern const std::string_view kRunStory;
extern const std::string_view kSources;
std::span<const std::pair<std::string_view, std::string_view>> exit_codes(Command command);

// --help of a command, made from the option table, at most 80 columns wide.
std::string help_text(Command command);

// --version: "stepdown VERSION\n".
std::string version_text();

} // namespace stepdown::cli
