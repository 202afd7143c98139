#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "cli/given.hpp"

namespace stepdown::cli {

constexpr const char* kDefaultConfig = "/etc/stepdown.toml";
constexpr const char* kConfigFolder = "/etc/stepdown.d"; // more files, each stronger than those before it

// A file as the configuration reader needs it: what it says, and who else could have written it.
struct FileText {
    std::string text;
    uid_t owner = 0;
    mode_t mode = 0; // as in struct stat, type included
};

// Reads a whole file, or answers with errno. Looks at the type before it reads: of anything but a regular file text is
// empty.
using ReadFile = std::expected<FileText, int> (*)(const char* path);
std::expected<FileText, int> read_file(const char* path);

// The names in a folder that end in ".toml" and do not begin with a dot, in the order of their bytes, or errno.
using ListFolder = std::expected<std::vector<std::string>, int> (*)(const char* path);
std::expected<std::vector<std::string>, int> list_folder(const char* path);

// Reads the file's options into given, in the order of its lines. An absent file is fine unless it was named by the
// user. Refuses one that anybody but root or this process's user could have written: it decides who the app will be.
Result<> read_config(const char* path, bool named, ReadFile read, uid_t current_uid, std::vector<Given>& given);

// The text alone: name is what messages call it.
Result<> read_config_text(const std::string& text, const std::string& name, std::vector<Given>& given);

} // namespace stepdown::cli
