#include "render/report_formats.hpp"

namespace stepdown::render {

std::string report_silent(const Report&) { return {}; }

} // namespace stepdown::render
