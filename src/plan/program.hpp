#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "stepdown/error.hpp"

namespace stepdown::plan {

// What stands at a path, as execve(2) will see it.
enum class FileKind { kMissing, kDirectory, kNotExecutable, kExecutable };

// Asked about one path, which may be relative. The caller answers from the file system.
using Look = std::function<FileKind(const std::string& path)>;

constexpr std::string_view kDefaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The paths to try for a command's first word, in order and without any shell. A name with a slash is used as it is;
// another is looked for in search_path (PATH; kDefaultSearchPath if that is unset or empty). Directories in it that are
// not absolute, the empty one included, are passed over: where the app happens to be is no place to find programs.
// Empty if no directory is left.
std::vector<std::string> program_candidates(std::string_view name, std::string_view search_path);

// The first of them that can be executed, as in sh(1). Errors: kNotFound (127); kNotExecutable (126) when there is
// something of that name but a directory or not executable.
Result<std::string> find_program(std::string_view name, std::string_view search_path, const Look& look);

} // namespace stepdown::plan
