#include "cli/config_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception> // toml11 needs it and does not say so
#include <sstream>

#include <sys/stat.h>

#include <toml.hpp>

#include "cli/utf8.hpp"

namespace stepdown::cli {
namespace {

std::unexpected<Error> refuse_file(std::string_view name, std::string_view why) {
    return fail(ExitCode::kUsage, std::string(name).append(": ").append(why));
}

Source at_line(const std::string& name, const toml::value& value) {
    return {SourceKind::kFile, name + ":" + std::to_string(value.location().line())};
}

std::string_view type_in_words(const toml::value& value) {
    switch (value.type()) {
    case toml::value_t::boolean:
        return "true or false";
    case toml::value_t::string:
        return "a string";
    case toml::value_t::integer:
    case toml::value_t::floating:
        return "a number: put it in quotes";
    case toml::value_t::array:
        return "a list";
    case toml::value_t::table:
        return "a table: there are none in this file";
    default:
        return "a date or time";
    }
}

std::string_view wanted_in_words(Kind kind) {
    return kind == Kind::kFlag ? "true or false" : kind == Kind::kText ? "a string" : "a list of strings";
}

std::unexpected<Error> wrong_type(const std::string& name, const Option& option, const toml::value& value) {
    std::string line = at_line(name, value).where;
    line.append(": ").append(option.name).append(": takes ").append(wanted_in_words(option.kind));
    return fail(ExitCode::kUsage, line.append(", not ").append(type_in_words(value)));
}

Result<> read_value(const std::string& name, const Option& option, const toml::value& value,
                    std::vector<Given>& given) {
    switch (option.kind) {
    case Kind::kFlag:
        if (!value.is_boolean()) {
            return wrong_type(name, option, value);
        }
        return add_value(given, option, value.as_boolean() ? "true" : "false", at_line(name, value));
    case Kind::kText:
        if (!value.is_string()) {
            return wrong_type(name, option, value);
        }
        return add_value(given, option, value.as_string().str, at_line(name, value));
    case Kind::kList:
        break;
    }
    if (!value.is_array()) {
        return wrong_type(name, option, value);
    }
    for (const toml::value& item : value.as_array()) {
        if (!item.is_string()) {
            return wrong_type(name, option, item);
        }
        if (auto added = add_value(given, option, item.as_string().str, at_line(name, item)); !added) {
            return added;
        }
    }
    return {};
}

std::unexpected<Error> unknown_key(const std::string& name, const std::string& key, const toml::value& value) {
    std::string line = at_line(name, value).where + ": " + key;
    if (const Option* option = find_option(key); option != nullptr) {
        return fail(ExitCode::kUsage, line + ": cannot be set in a file: write it on the command line");
    }
    const std::string_view meant = nearest_option(key, kInFile);
    line.append(": no such key; ");
    return fail(ExitCode::kUsage, meant.empty() ? line.append("see stepdown --help for the options, which are the keys")
                                                : line.append("did you mean ").append(meant).append("?"));
}

} // namespace

// What toml11 cannot be trusted with: it reads past its buffer where a string is not UTF-8, and past the stack where
// brackets are nested without end. No file of ours nests more than once; brackets in strings count too, which does no
// harm.
Result<> refuse_harmful_toml(std::string_view text, const std::string& name) {
    constexpr int kDeepest = 64;
    int depth = 0;
    std::size_t line = 1;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) {
            return refuse_file(name + ":" + std::to_string(line), "not TOML: the text is not UTF-8");
        }
        const char letter = text.front();
        line += letter == '\n' ? 1 : 0;
        depth += letter == '[' || letter == '{' ? 1 : 0;
        depth -= (letter == ']' || letter == '}') && depth > 0 ? 1 : 0;
        if (depth > kDeepest) {
            return refuse_file(name + ":" + std::to_string(line),
                               "too many open brackets: no key takes lists of lists");
        }
        text.remove_prefix(length);
    }
    return {};
}

// toml11 explains over several lines; the first has the reason, after "[error] " and the name of its function.
std::string toml_reason(std::string_view what) {
    what = what.substr(0, what.find('\n'));
    for (const std::string_view noise : {"[error] ", "toml::"}) {
        if (what.starts_with(noise)) {
            what.remove_prefix(noise.size());
        }
    }
    if (const std::size_t colon = what.find(": "); colon != std::string_view::npos) {
        what.remove_prefix(colon + 2);
    }
    return std::string("not TOML: ").append(what);
}

Result<> read_config_text(const std::string& text, const std::string& name, std::vector<Given>& given) {
    if (auto harmless = refuse_harmful_toml(text, name); !harmless) {
        return harmless;
    }
    try {
        std::istringstream stream(text);
        const toml::value file = toml::parse(stream, name);
        // The order written is the order meant, and the parser's table has none.
        std::vector<std::pair<std::uint_least32_t, const toml::table::value_type*>> lines;
        for (const auto& entry : file.as_table()) {
            lines.emplace_back(entry.second.location().line(), &entry);
        }
        std::ranges::sort(lines, {}, [](const auto& line) { return std::pair(line.first, line.second->first); });
        for (const auto& [number, entry] : lines) {
            const Option* option = find_option(entry->first);
            if (option == nullptr || (option->places & kInFile) == 0) {
                return unknown_key(name, entry->first, entry->second);
            }
            if (auto read = read_value(name, *option, entry->second, given); !read) {
                return read;
            }
        }
        return {};
    } catch (const toml::exception& error) {
        return refuse_file(name + ":" + std::to_string(error.location().line()), toml_reason(error.what()));
    } catch (const std::exception& error) {
        return refuse_file(name, toml_reason(error.what()));
    }
}

Result<> read_config(const char* path, bool named, ReadFile read, uid_t current_uid, std::vector<Given>& given) {
    const auto file = read(path);
    if (!file) {
        if (!named && file.error() == ENOENT) {
            return {};
        }
        return refuse_file(path, std::string("cannot be read: ") + std::strerror(file.error()));
    }
    if (!S_ISREG(file->mode)) {
        return refuse_file(path, "is not a regular file");
    }
    if (file->owner != 0 && file->owner != current_uid) {
        return refuse_file(path, "belongs to uid " + std::to_string(file->owner) +
                                     ", who could change it: the owner must be root, chown 0 it");
    }
    if ((file->mode & (S_IWGRP | S_IWOTH)) != 0) {
        return refuse_file(path, "may be written by others than its owner: chmod go-w it");
    }
    return read_config_text(file->text, path, given);
}

} // namespace stepdown::cli
