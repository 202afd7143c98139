#include "cli/config_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/stat.h>

#include "cli/toml.hpp"
#include "stepdown/sort.hpp"

namespace stepdown::cli {
namespace {

std::unexpected<Error> refuse_file(std::string_view name, std::string_view why) {
    return fail(ExitCode::kUsage, std::string(name).append(": ").append(why));
}

Source at_line(const std::string& name, const toml::node& value) {
    return {SourceKind::kFile, place_of(name, value.source())};
}

std::string_view type_in_words(const toml::node& value) {
    switch (value.type()) {
    case toml::node_type::boolean:
        return "true or false";
    case toml::node_type::string:
        return "a string";
    case toml::node_type::integer:
    case toml::node_type::floating_point:
        return "a number: put it in quotes";
    case toml::node_type::array:
        return "a list";
    case toml::node_type::table:
        return "a table: there are none in this file";
    default:
        return "a date or time";
    }
}

std::string_view wanted_in_words(Kind kind) {
    return kind == Kind::kFlag ? "true or false" : kind == Kind::kText ? "a string" : "a list of strings";
}

std::unexpected<Error> wrong_type(const std::string& name, const Option& option, const toml::node& value) {
    std::string line = place_of(name, value.source());
    line.append(": ").append(option.name).append(": takes ").append(wanted_in_words(option.kind));
    return fail(ExitCode::kUsage, line.append(", not ").append(type_in_words(value)));
}

Result<> read_value(const std::string& name, const Option& option, const toml::node& value, std::vector<Given>& given) {
    if (option.kind == Kind::kFlag && value.is_boolean()) {
        return add_value(given, option, value.as_boolean()->get() ? "true" : "false", at_line(name, value));
    }
    if (option.kind == Kind::kText && value.is_string()) {
        return add_value(given, option, value.as_string()->get(), at_line(name, value));
    }
    if (!is_list(option.kind) || !value.is_array()) {
        return wrong_type(name, option, value);
    }
    for (const toml::node& item : *value.as_array()) {
        if (!item.is_string()) {
            return wrong_type(name, option, item);
        }
        if (auto added = add_value(given, option, item.as_string()->get(), at_line(name, item)); !added) {
            return added;
        }
    }
    return {};
}

std::unexpected<Error> unknown_key(const std::string& name, const std::string& key, const toml::node& value) {
    std::string line = place_of(name, value.source()) + ": " + key;
    if (const Option* option = find_option(key); option != nullptr) {
        return fail(ExitCode::kUsage, line + ": cannot be set in a file: write it on the command line");
    }
    const std::string_view meant = nearest_option(key, kInFile);
    line.append(": no such key; ");
    return fail(ExitCode::kUsage, meant.empty() ? line.append("see stepdown --help for the options, which are the keys")
                                                : line.append("did you mean ").append(meant).append("?"));
}

std::pair<toml::source_index, toml::source_index> position(const toml::source_position& at) {
    return {at.line, at.column};
}

} // namespace

Result<> read_config_text(const std::string& text, const std::string& name, std::vector<Given>& given) {
    const auto file = parse_toml(text, name);
    if (!file) {
        return std::unexpected(file.error());
    }
    std::vector<std::pair<const toml::key*, const toml::node*>> lines;
    for (const auto& [key, value] : *file) {
        lines.emplace_back(&key, &value);
    }
    // The order written is the order meant, and the parser's table has its own.
    sort_few(lines, [](const auto& line) { return position(line.first->source().begin); });
    for (const auto& [written, value] : lines) {
        const std::string key(written->str());
        const Option* option = find_option(key);
        if (option == nullptr || (option->places & kInFile) == 0) {
            return unknown_key(name, key, *value);
        }
        if (auto read = read_value(name, *option, *value, given); !read) {
            return read;
        }
    }
    return {};
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
