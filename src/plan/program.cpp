#include "plan/program.hpp"

#include <algorithm>

namespace stepdown::plan {
std::vector<std::string> program_candidates(std::string_view name, std::string_view search_path) {
    if (name.contains('/')) {
        return {std::string(name)};
    }
    std::vector<std::string> candidates;
    for (std::string_view rest = search_path.empty() ? kDefaultSearchPath : search_path; !rest.empty();) {
        const std::string_view directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
        if (directory.starts_with('/')) {
            std::string& path = candidates.emplace_back(directory);
            path.append(path.ends_with('/') ? "" : "/").append(name);
        }
    }
    return candidates;
}

} // namespace stepdown::plan
