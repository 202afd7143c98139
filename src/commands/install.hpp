#pragma once

#include <string_view>

namespace stepdown::commands {

// What `stepdown install --as` wrote into this program's file: a front end's name; empty: nothing.
std::string_view installed_as();

} // namespace stepdown::commands
