#include "verify/status.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>

#include <fmt/format.h>

namespace stepdown::verify {
namespace {

template <class T> std::optional<T> whole_number(std::string_view text, int base = 10) {
    T number{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc{} || stop != end || text.empty()) {
        return std::nullopt;
    }
    return number;
}

std::string_view next_word(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of("\t "), rest.size()));
    const std::string_view word = rest.substr(0, rest.find_first_of("\t "));
    rest.remove_prefix(word.size());
    return word;
}

struct Reading {
    Thread thread;
    CapabilitySets capabilities;
    unsigned capability_sets = 0; // how many of the five were read
    unsigned seen = 0;            // a bit per row of kFields
    pid_t inner_pid = -1;
};

bool read_pid(std::string_view value, pid_t& into) {
    const auto number = whole_number<unsigned>(value);
    const bool good = number && *number <= INT_MAX;
    into = good ? static_cast<pid_t>(*number) : -1;
    return good;
}

bool read_name(std::string_view value, Reading& into) {
    std::string& name = into.thread.name;
    name.clear();
    for (std::size_t i = 0; i < value.size(); ++i) {
        char c = value[i];
        if (c == '\\' && i + 1 < value.size()) { // the kernel escapes newline and backslash, nothing else
            c = value[++i] == 'n' ? '\n' : value[i];
        }
        name += c;
    }
    return true;
}

// The last of the numbers, one a PID namespace.
bool read_inner_pid(std::string_view value, Reading& into) {
    return read_pid(value.substr(value.find_last_of("\t ") + 1), into.inner_pid); // npos + 1 is 0
}

bool read_state(std::string_view value, Reading& into) {
    const char letter = value.empty() ? '?' : value[0];
    const bool good = (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
    into.thread.state = good ? letter : '?';
    return good;
}

bool read_ids(std::string_view value, std::optional<FourIds>& into) {
    FourIds ids{};
    into.reset();
    for (std::uint32_t& id : ids) {
        const auto number = whole_number<std::uint32_t>(next_word(value));
        if (!number) {
            return false;
        }
        id = *number;
    }
    if (!next_word(value).empty()) {
        return false;
    }
    into = ids;
    return true;
}

bool read_groups(std::string_view value, Reading& into) {
    auto& groups = into.thread.facts.groups.emplace();
    for (std::string_view word = next_word(value); !word.empty(); word = next_word(value)) {
        const auto number = whole_number<std::uint32_t>(word);
        if (!number) {
            into.thread.facts.groups.reset();
            return false;
        }
        groups.push_back(*number);
    }
    if (!std::ranges::is_sorted(
            groups)) { // the kernel sorts by the host's numbers, which a user namespace may order otherwise
        std::ranges::sort(groups);
    }
    return true;
}

template <std::uint64_t CapabilitySets::* set> bool read_capabilities(std::string_view value, Reading& into) {
    const auto mask = value.size() == 16 ? whole_number<std::uint64_t>(value, 16) : std::nullopt;
    if (!mask) {
        into.capability_sets = 0x80; // never five any more
        return false;
    }
    into.capabilities.*set = *mask;
    ++into.capability_sets;
    return true;
}

bool read_no_new_privs(std::string_view value, Reading& into) {
    auto& field = into.thread.facts.no_new_privs;
    field.reset();
    if (value == "0" || value == "1") {
        field = value == "1";
    }
    return field.has_value();
}

bool read_seccomp(std::string_view value, Reading& into) {
    auto& field = into.thread.facts.seccomp_mode;
    field.reset();
    if (value.size() == 1 && value[0] >= '0' && value[0] <= '2') {
        field = value[0] - '0';
    }
    return field.has_value();
}

bool read_seccomp_filters(std::string_view value, Reading& into) {
    auto& field = into.thread.facts.seccomp_filters;
    field = whole_number<unsigned>(value);
    return field.has_value();
}

struct Field {
    std::string_view key;
    bool (*read)(std::string_view value, Reading& into); // false: malformed, and the field is empty
};

constexpr std::array kFields = {
    Field{"Name", read_name},
    Field{"State", read_state},
    Field{"Tgid", [](std::string_view value, Reading& into) { return read_pid(value, into.thread.pid); }},
    Field{"Pid", [](std::string_view value, Reading& into) { return read_pid(value, into.thread.tid); }},
    Field{"NSpid", read_inner_pid},
    Field{"PPid", [](std::string_view value, Reading& into) { return read_pid(value, into.thread.parent); }},
    Field{"TracerPid", [](std::string_view value, Reading& into) { return read_pid(value, into.thread.tracer); }},
    Field{"Uid", [](std::string_view value, Reading& into) { return read_ids(value, into.thread.facts.uid); }},
    Field{"Gid", [](std::string_view value, Reading& into) { return read_ids(value, into.thread.facts.gid); }},
    Field{"Groups", read_groups},
    Field{"CapInh", read_capabilities<&CapabilitySets::inheritable>},
    Field{"CapPrm", read_capabilities<&CapabilitySets::permitted>},
    Field{"CapEff", read_capabilities<&CapabilitySets::effective>},
    Field{"CapBnd", read_capabilities<&CapabilitySets::bounding>},
    Field{"CapAmb", read_capabilities<&CapabilitySets::ambient>},
    Field{"NoNewPrivs", read_no_new_privs},
    Field{"Seccomp", read_seccomp},
    Field{"Seccomp_filters", read_seccomp_filters},
};

// No field takes this for a value, so it empties whatever it is given to.
constexpr std::string_view kNoValue = "?";

// The first byte first: it tells nearly all keys apart.
bool is_of(std::string_view line, std::string_view key) {
    return !line.empty() && *line.data() == *key.data() && line.starts_with(key) &&
           (line.size() == key.size() || line[key.size()] == ':');
}

bool read_line(std::string_view line, bool complete, Reading& into) {
    for (unsigned row = 0; row < kFields.size(); ++row) {
        if (!is_of(line, kFields[row].key)) {
            continue;
        }
        const std::string_view rest = line.substr(kFields[row].key.size());
        const bool whole = complete && rest.starts_with(":\t");
        const bool first = (into.seen & (1U << row)) == 0;
        into.seen |= 1U << row;
        return kFields[row].read(whole && first ? rest.substr(2) : kNoValue, into) && whole && first;
    }
    return true;
}

} // namespace

Status read_status(std::string_view text) {
    Reading reading;
    reading.thread.pid = reading.thread.tid = reading.thread.parent = reading.thread.tracer = -1;
    bool malformed = false;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const bool complete = end != std::string_view::npos;
        malformed |= !read_line(text.substr(0, end), complete, reading);
        text.remove_prefix(complete ? end + 1 : text.size());
    }
    if (reading.capability_sets == 5) {
        reading.thread.facts.capabilities = reading.capabilities;
    } else {
        malformed |= reading.capability_sets != 0;
    }
    return {.thread = std::move(reading.thread), .malformed = malformed, .inner_pid = reading.inner_pid};
}

void append_facts(std::string& text, const Facts& facts) {
    const auto out = std::back_inserter(text);
    const auto ids = [&out](const char* key, const std::optional<FourIds>& four) {
        if (four) {
            fmt::format_to(out, "{}:\t{}\t{}\t{}\t{}\n", key, (*four)[0], (*four)[1], (*four)[2], (*four)[3]);
        }
    };
    ids("Uid", facts.uid);
    ids("Gid", facts.gid);
    if (facts.groups) {
        text += "Groups:\t";
        for (const std::uint32_t group : *facts.groups) {
            fmt::format_to(out, "{} ", group);
        }
        text += '\n';
    }
    if (const auto& sets = facts.capabilities) {
        fmt::format_to(out,
                       "CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\nCapBnd:\t{:016x}\nCapAmb:\t{:016x}\n",
                       sets->inheritable, sets->permitted, sets->effective, sets->bounding, sets->ambient);
    }
    if (facts.no_new_privs) {
        fmt::format_to(out, "NoNewPrivs:\t{}\n", *facts.no_new_privs ? 1 : 0);
    }
    if (facts.seccomp_mode) {
        fmt::format_to(out, "Seccomp:\t{}\n", *facts.seccomp_mode);
    }
    if (facts.seccomp_filters) {
        fmt::format_to(out, "Seccomp_filters:\t{}\n", *facts.seccomp_filters);
    }
}

} // namespace stepdown::verify
