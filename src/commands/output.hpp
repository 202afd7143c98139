#pragma once

#include <string_view>

namespace stepdown::commands {

// A command's answer, to standard output; ExitCode::kInternal's status if it cannot be written whole.
int print(std::string_view text);

} // namespace stepdown::commands
