#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stepdown/facts.hpp"
#include "sys/kernel.hpp"

namespace stepdown::verify {

// One line of /proc/PID/uid_map (user_namespaces(7)): length ids from inside on are those from outside on.
struct IdRange {
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint32_t length = 0;

    bool operator==(const IdRange&) const = default;
};

// Empty for a text that is not such a map.
std::optional<std::vector<IdRange>> parse_id_map(std::string_view text);

// Of a file such as /proc/PID/uid_map. Empty too where it cannot be read.
std::optional<std::vector<IdRange>> id_map_of(sys::Kernel& kernel, const std::string& path);

// Who this id is one user namespace further out. Empty: nobody.
std::optional<std::uint32_t> outside_id(const std::vector<IdRange>& map, std::uint32_t inside);

// The ids of facts from inside, as an observer outside sees them. An id that is nobody there becomes the kernel's "no
// such id", all ones; without a map they stay as they are.
void map_ids(Facts& facts, const std::optional<std::vector<IdRange>>& uids,
             const std::optional<std::vector<IdRange>>& gids);

// By the maps of a process: "/proc/7".
void map_ids_of(sys::Kernel& kernel, const std::string& process, Facts& facts);

} // namespace stepdown::verify
