#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <sys/types.h>

namespace stepdown::plan {

// passwd(5) and group(5) as text, read by us: the binary has no NSS. Views point into that text.
//
// Strict: a line that is not exactly as the manual page has it is no entry at all. What other programs make of such
// lines (uid 0 for an empty or an overflowing number, or for "+::::::") is how a typing mistake becomes root. So also
// refused: control characters, names that begin with '+', '-' (compat NIS) or '#' (a comment), blanks in names, ids
// that are not check_id's.

struct Account {
    std::string_view name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::string_view home;
    std::string_view shell;
};

struct Group {
    std::string_view name;
    gid_t gid = 0;
    std::string_view members; // separated by commas
};

// A uid or gid as a decimal number from 0 to 4294967294: no sign, blank, prefix or leading zero ("010" is octal to some
// readers, decimal to others). 4294967295 is (uid_t)-1, "leave it as it is" to setresuid(2).
std::optional<std::uint32_t> parse_id(std::string_view text);

std::optional<Account> parse_account(std::string_view line);
std::optional<Group> parse_group(std::string_view line);

// The first match counts, as it does for getpwnam(3).
std::optional<Account> find_user(std::string_view passwd, std::string_view name);
std::optional<Account> find_user(std::string_view passwd, uid_t uid);
std::optional<Group> find_group(std::string_view group, std::string_view name);

// The number of the first line, from 1, that begins with that name and a colon but is malformed; 0 if there is none. So
// that an error can say where to look.
std::size_t malformed_user(std::string_view passwd, std::string_view name);
std::size_t malformed_group(std::string_view group, std::string_view name);

} // namespace stepdown::plan
