#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"

// What people read and type beside the binary, made from the option table and what --help is made of. A new option or
// command needs nothing here.
namespace stepdown::packaging {

// mdoc(7); date as "November 25, 2026".
std::string manual_of_program(std::string_view date);
std::string manual_of_file(std::string_view date);

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

// What can be completed of an option's value, by its placeholder "default|off|FILE": the words that stand there as they
// are, and whether a path or a user may be written instead.
struct Values {
    std::vector<std::string_view> words;
    bool path = false;
    bool user = false;
};
Values values_of(const cli::Option& option);

} // namespace stepdown::packaging
