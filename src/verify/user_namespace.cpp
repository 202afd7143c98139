#include "verify/user_namespace.hpp"

#include <algorithm>
#include <charconv>

#include <fcntl.h>

namespace stepdown::verify {
namespace {

bool take_number(std::string_view& line, std::uint32_t& into) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const char* const end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data(), end, into);
    line.remove_prefix(static_cast<std::size_t>(stop - line.data()));
    return error == std::errc{} && (line.empty() || line[0] == ' ');
}

} // namespace

std::optional<std::vector<IdRange>> parse_id_map(std::string_view text) {
    std::vector<IdRange> map;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        IdRange range;
        if (end == std::string_view::npos || !take_number(line, range.inside) || !take_number(line, range.outside) ||
            !take_number(line, range.length) || line.find_first_not_of(' ') != std::string_view::npos) {
            return std::nullopt;
        }
        map.push_back(range);
        text.remove_prefix(end + 1);
    }
    return map;
}

std::optional<std::vector<IdRange>> id_map_of(sys::Kernel& kernel, const std::string& path) {
    const auto file = kernel.open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    const auto text = file ? kernel.read_whole(*file) : std::unexpected(file.error());
    return text ? parse_id_map(*text) : std::nullopt;
}

std::optional<std::uint32_t> outside_id(const std::vector<IdRange>& map, std::uint32_t inside) {
    for (const IdRange& range : map) {
        if (inside >= range.inside && inside - range.inside < range.length) {
            return range.outside + (inside - range.inside);
        }
    }
    return std::nullopt;
}

void map_ids(Facts& facts, const std::optional<std::vector<IdRange>>& uids,
             const std::optional<std::vector<IdRange>>& gids) {
    const auto map = [](const std::optional<std::vector<IdRange>>& ranges, auto& ids) {
        if (!ranges || !ids) {
            return;
        }
        for (std::uint32_t& id : *ids) {
            id = outside_id(*ranges, id).value_or(~0U);
        }
    };
    map(uids, facts.uid);
    map(gids, facts.gid);
    map(gids, facts.groups);
    if (facts.groups) {
        std::ranges::sort(*facts.groups);
    }
}

void map_ids_of(sys::Kernel& kernel, const std::string& process, Facts& facts) {
    map_ids(facts, id_map_of(kernel, process + "/uid_map"), id_map_of(kernel, process + "/gid_map"));
}

} // namespace stepdown::verify
