#include "plan/program.hpp"

#include <algorithm>

namespace stepdown::plan {
std::vector<std::string> program_candidates(std::string_view name, std::string_view search_path) {
    if (name.contains('/')) {
        return {std::string(name)};
    }
    std::vector<std::string> candidates;
    for (std::string_view rest = search_path.empty() ? kDefaultSearchPath : search_path; !rest.empty();) {
        const std::string_view directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
        if (directory.starts_with('/')) {
            std::string& path = candidates.emplace_back(directory);
            path.append(path.ends_with('/') ? "" : "/").append(name);
        }
    }
    return candidates;
}

Result<std::string> find_program(std::string_view name, std::string_view search_path, const Look& look) {
    if (name.empty()) {
        return fail(ExitCode::kNotFound, "the command is an empty word: name a program");
    }
    std::string unusable;
    FileKind unusable_kind = FileKind::kMissing;
    for (std::string& path : program_candidates(name, search_path)) {
        const FileKind kind = look(path);
        if (kind == FileKind::kExecutable) {
            return std::move(path);
        }
        if (kind != FileKind::kMissing && unusable.empty()) {
            unusable = std::move(path);
            unusable_kind = kind;
        }
    }
    switch (unusable_kind) {
    case FileKind::kDirectory:
        return fail(ExitCode::kNotExecutable, unusable + ": is a directory: name a program in it");
    case FileKind::kNotExecutable:
        return fail(ExitCode::kNotExecutable,
                    unusable + ": is not executable: chmod +x it, or name its interpreter first");
    case FileKind::kExecutable:
    case FileKind::kMissing:
        break;
    }
    std::string line(name);
    line.append(name.contains('/') ? ": no such file" : ": not found in PATH, which is ");
    return fail(ExitCode::kNotFound,
                name.contains('/') ? line : line.append(search_path.empty() ? kDefaultSearchPath : search_path));
}

} // namespace stepdown::plan
