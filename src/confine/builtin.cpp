#include "confine/builtin.hpp"

#include <algorithm>

#include "builtin_default.inc"
#include "builtin_pid1.inc"
#include "builtin_pid1_hearing.inc"
#include "builtin_pid1_listener.inc"
#include "builtin_pid1_opening.inc"
#include "builtin_strict.inc"

namespace stepdown::confine {
namespace {

struct Row {
    BuiltIn which;
    std::string_view name;
    std::span<const sock_filter> program;
    std::string_view sha256;
    std::string_view source;
};

constexpr Row kRows[] = {
    {BuiltIn::kDefault, "default", kDefaultProgram, kDefaultSha256, kDefaultSource},
    {BuiltIn::kStrict, "strict", kStrictProgram, kStrictSha256, kStrictSource},
    {BuiltIn::kPid1, "pid1", kPid1Program, kPid1Sha256, kPid1Source},
    {BuiltIn::kPid1Listener, "pid1-listener", kPid1ListenerProgram, kPid1ListenerSha256, kPid1ListenerSource},
    {BuiltIn::kPid1Hearing, "pid1-hearing", kPid1HearingProgram, kPid1HearingSha256, kPid1HearingSource},
    {BuiltIn::kPid1Opening, "pid1-opening", kPid1OpeningProgram, kPid1OpeningSha256, kPid1OpeningSource},
};

const Row& row_of(BuiltIn which) { return *std::ranges::find(kRows, which, &Row::which); }

} // namespace

std::span<const sock_filter> builtin(BuiltIn which) { return row_of(which).program; }

std::string_view builtin_sha256(BuiltIn which) { return row_of(which).sha256; }

std::string_view builtin_source(BuiltIn which) { return row_of(which).source; }

std::optional<BuiltIn> find_builtin(std::string_view name) {
    const auto row = std::ranges::find(kRows, name, &Row::name);
    return row == std::end(kRows) ? std::nullopt : std::optional(row->which);
}

} // namespace stepdown::confine
