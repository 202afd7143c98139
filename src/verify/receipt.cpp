#include "verify/receipt.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>

#include <fmt/format.h>

#include "verify/status.hpp"

namespace stepdown::verify {
namespace {

constexpr unsigned kSchema = 1;

// One value is one line, whatever is in it.
void append_escaped(std::string& text, std::string_view value) {
    for (const char c : value) {
        if (c == '\n' || c == '\\') {
            text += '\\';
        }
        text += c == '\n' ? 'n' : c;
    }
}

std::optional<std::string> unescape(std::string_view value) {
    std::string plain;
    plain.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '\\') {
            plain += value[i];
            continue;
        }
        ++i;
        if (i == value.size() || (value[i] != 'n' && value[i] != '\\')) {
            return std::nullopt;
        }
        plain += value[i] == 'n' ? '\n' : '\\';
    }
    return plain;
}

template <class T> bool read_number(std::string_view value, T& into, int base = 10) {
    const char* const end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, into, base);
    return error == std::errc{} && stop == end && !value.empty();
}

bool read_yes(std::string_view value, bool& into) {
    into = value == "yes";
    return into || value == "no";
}

bool read_sha256(std::string_view value, std::string& into) {
    into = value;
    return value.size() == 64 && value.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool read_mark(std::string_view value, std::optional<FilterMark>& into) {
    const std::size_t blank = value.rfind(' ');
    const auto name = unescape(value.substr(0, blank));
    if (blank == 0 || blank == std::string_view::npos || !name) {
        return false;
    }
    FilterMark& mark = into.emplace();
    mark.name = *name;
    return read_sha256(value.substr(blank + 1), mark.sha256);
}

bool read_filter(std::string_view value, Receipt& into) { return value == "off" || read_mark(value, into.filter); }

bool read_option(std::string_view value, Receipt& into) {
    const auto plain = unescape(value);
    const std::size_t equals = plain ? plain->find('=') : std::string::npos;
    if (equals == std::string::npos || equals == 0) {
        return false;
    }
    into.settings.push_back({plain->substr(0, equals), plain->substr(equals + 1), {SourceKind::kReceipt, {}}});
    return true;
}

void append_mark(std::string& text, std::string_view key, const std::optional<FilterMark>& mark) {
    text.append(key).append(":\t");
    if (mark) {
        append_escaped(text, mark->name);
        text.append(" ").append(mark->sha256).append("\n");
    } else {
        text += "off\n";
    }
}

struct Line {
    std::string_view key;
    bool (*read)(std::string_view value, Receipt& into); // false: malformed
    bool required = false;
    bool repeats = false;
};

constexpr std::array kLines = {
    Line{"Stepdown", [](std::string_view, Receipt&) { return true; }, true}, // judged before all others
    Line{"Pid", [](std::string_view value, Receipt& into) { return read_number(value, into.pid) && into.pid > 0; },
         true},
    Line{"Init", [](std::string_view value, Receipt& into) { return read_yes(value, into.init); }, true},
    Line{"Plan", [](std::string_view value, Receipt& into) { return read_sha256(value, into.plan); }},
    Line{"AllowRoot", [](std::string_view value, Receipt& into) { return read_yes(value, into.allow_root); }},
    Line{"Securebits", [](std::string_view value,
                          Receipt& into) { return read_number(value, into.wanted.securebits.emplace(), 16); }},
    Line{"FiltersBefore",
         [](std::string_view value, Receipt& into) { return read_number(value, into.filters_before.emplace()); }},
    Line{"Filter", read_filter, true},
    Line{"Emulation", [](std::string_view value, Receipt& into) { return read_mark(value, into.emulation); }},
    Line{"Pid1Filter", [](std::string_view value, Receipt& into) { return read_sha256(value, into.pid1_filter); }},
    Line{"HeardFor",
         [](std::string_view value, Receipt& into) { return !(into.heard_for = std::string(value)).empty(); }},
    Line{"Option", read_option, false, true},
};

std::unexpected<Error> refuse(std::string why) { return fail(ExitCode::kVerify, fmt::format("receipt: {}", why)); }

Result<> read_line(std::string_view line, unsigned number, Receipt& into, unsigned& seen) {
    const std::string_view key = line.substr(0, line.find(":\t"));
    const auto row = std::ranges::find(kLines, key, &Line::key);
    if (row == kLines.end()) {
        return {};
    }
    const unsigned bit = 1U << (row - kLines.begin());
    if ((seen & bit) != 0 && !row->repeats) {
        return refuse(fmt::format("line {}: {} is there twice", number, key));
    }
    seen |= bit;
    if (key.size() == line.size() || !row->read(line.substr(key.size() + 2), into)) {
        return refuse(fmt::format("line {}: {} is malformed", number, key));
    }
    return {};
}

Result<> check_schema(std::string_view text) {
    constexpr std::string_view kStart = "Stepdown:\t";
    unsigned schema = 0;
    if (!text.starts_with(kStart) ||
        !read_number(text.substr(kStart.size(), text.find('\n') - kStart.size()), schema) || schema == 0) {
        return refuse("it does not begin with \"Stepdown:\", a tab and a schema number");
    }
    if (schema > kSchema) {
        return refuse(
            fmt::format("schema {} was written by a newer stepdown; this one reads up to {}", schema, kSchema));
    }
    return {};
}

} // namespace

std::string write_receipt(const Receipt& receipt) {
    std::string text;
    text.reserve(1024);
    const auto out = std::back_inserter(text);
    fmt::format_to(out, "Stepdown:\t{}\nPid:\t{}\nInit:\t{}\n", kSchema, receipt.pid, receipt.init ? "yes" : "no");
    if (!receipt.plan.empty()) {
        fmt::format_to(out, "Plan:\t{}\n", receipt.plan);
    }
    append_facts(text, receipt.wanted);
    if (receipt.wanted.securebits) {
        fmt::format_to(out, "Securebits:\t{:x}\n", *receipt.wanted.securebits);
    }
    if (receipt.filters_before) {
        fmt::format_to(out, "FiltersBefore:\t{}\n", *receipt.filters_before);
    }
    append_mark(text, "Filter", receipt.filter);
    if (receipt.emulation) {
        append_mark(text, "Emulation", receipt.emulation);
    }
    if (!receipt.pid1_filter.empty()) {
        fmt::format_to(out, "Pid1Filter:\t{}\n", receipt.pid1_filter);
    }
    if (!receipt.heard_for.empty()) {
        fmt::format_to(out, "HeardFor:\t{}\n", receipt.heard_for);
    }
    fmt::format_to(out, "AllowRoot:\t{}\n", receipt.allow_root ? "yes" : "no");
    for (const Setting& setting : receipt.settings) {
        text += "Option:\t";
        append_escaped(text, setting.name);
        text += '=';
        append_escaped(text, setting.value);
        text += '\n';
    }
    return text;
}

Result<Receipt> parse_receipt(std::string_view text) {
    if (const auto schema = check_schema(text); !schema) {
        return std::unexpected(schema.error());
    }
    if (!text.ends_with('\n')) {
        return refuse("it is cut off: the last line has no end");
    }
    Status status = read_status(text);
    if (status.malformed) {
        return refuse("a line is not as /proc/PID/status writes it");
    }
    Receipt receipt;
    receipt.wanted = std::move(status.thread.facts);
    unsigned seen = 0;
    for (unsigned number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        if (const auto line = read_line(text.substr(0, end), number, receipt, seen); !line) {
            return std::unexpected(line.error());
        }
        text.remove_prefix(end + 1);
    }
    for (unsigned row = 0; row < kLines.size(); ++row) {
        if (kLines[row].required && (seen & (1U << row)) == 0) {
            return refuse(fmt::format("{} is missing", kLines[row].key));
        }
    }
    return receipt;
}

} // namespace stepdown::verify
