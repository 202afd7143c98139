#include "setup/glob.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>

#include "stepdown/sort.hpp"

namespace stepdown::setup {
namespace {

constexpr std::size_t kMostPatterns = 4096; // braces multiply

struct Brace {
    std::size_t open;
    std::size_t close;
    std::vector<std::size_t> commas;
};

// The first pair of braces with a comma in it.
std::optional<Brace> find_brace(std::string_view pattern) {
    for (std::size_t open = pattern.find('{'); open != std::string_view::npos; open = pattern.find('{', open + 1)) {
        Brace brace{open, 0, {}};
        int depth = 0;
        for (std::size_t at = open; at < pattern.size() && brace.close == 0; ++at) {
            depth += pattern[at] == '{' ? 1 : 0;
            depth -= pattern[at] == '}' ? 1 : 0;
            if (pattern[at] == ',' && depth == 1) {
                brace.commas.push_back(at);
            }
            brace.close = depth == 0 ? at : 0;
        }
        if (brace.close != 0 && !brace.commas.empty()) {
            return brace;
        }
    }
    return std::nullopt;
}

struct CloseStream {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

Try<std::vector<std::string>> matching_names(sys::Kernel& kernel, int dir, const std::string& pattern) {
    auto fd = kernel.open_at(dir, ".", O_RDONLY | O_DIRECTORY);
    if (!fd) {
        return trouble(Act::kRead, fd.error());
    }
    const std::unique_ptr<DIR, CloseStream> stream(::fdopendir(fd->get()));
    if (!stream) {
        return trouble(Act::kRead, errno);
    }
    fd->release();
    std::vector<std::string> names;
    for (const dirent* entry = ::readdir(stream.get()); entry != nullptr; entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != ".." && ::fnmatch(pattern.c_str(), entry->d_name, FNM_PERIOD) == 0) {
            names.emplace_back(name);
        }
    }
    sort_many(names);
    return names;
}

struct Search {
    Job& job;
    const SetupStep& step;
    OnMatch act;
    const std::vector<std::string>& parts;

    Result<> below(sys::Fd dir, const std::string& path, std::size_t part) const;
    Result<> take(Place& place, std::size_t part) const;
};

// One name of the directory: what the step is about, or the way to it.
Result<> Search::take(Place& place, std::size_t part) const {
    if (part + 1 == parts.size()) {
        const auto found = look_at(job.kernel, place);
        if (!found) {
            return job.give_up(found.error(), place.path);
        }
        return *found ? act(job, step, place) : Result<>();
    }
    auto next = enter(job.kernel, place.parent.get(), place.name);
    if (next) {
        return below(std::move(*next), place.path, part + 1);
    }
    const int error = next.error().error;
    const bool leads_nowhere = error == ENOENT || error == ENOTDIR || (error == ELOOP && parts[part] != place.name);
    return leads_nowhere ? Result<>() : job.give_up(next.error(), place.path);
}

Result<> Search::below(sys::Fd dir, const std::string& path, std::size_t part) const {
    const std::string& pattern = parts[part];
    std::vector<std::string> names{pattern};
    if (pattern.find_first_of("*?[\\") != std::string::npos) {
        auto matching = matching_names(job.kernel, dir.get(), pattern);
        if (!matching) {
            return job.give_up(matching.error(), path);
        }
        names = std::move(*matching);
    }
    Place place{std::move(dir), {}, {}};
    for (std::string& name : names) {
        place.path = path + '/' + name;
        place.name = std::move(name);
        if (auto done = take(place, part); !done) {
            return done;
        }
    }
    return {};
}

} // namespace

std::vector<std::string> expand_braces(std::string_view pattern) {
    std::vector<std::string> todo{std::string(pattern)};
    std::vector<std::string> done;
    while (!todo.empty()) {
        const std::string next = std::move(todo.back());
        todo.pop_back();
        const auto brace = done.size() + todo.size() < kMostPatterns ? find_brace(next) : std::nullopt;
        if (!brace) {
            done.push_back(next);
            continue;
        }
        std::vector<std::size_t> ends = brace->commas;
        ends.push_back(brace->close);
        for (std::size_t i = ends.size(); i-- > 0;) {
            const std::size_t from = i == 0 ? brace->open : ends[i - 1];
            todo.push_back(next.substr(0, brace->open) + next.substr(from + 1, ends[i] - from - 1) +
                           next.substr(brace->close + 1));
        }
    }
    return done;
}

Result<> for_each_match(Job& job, const SetupStep& step, OnMatch act) {
    for (const std::string& pattern : expand_braces(step.path)) {
        const auto parts = components(pattern);
        if (!parts) {
            return job.give_up(parts.error(), pattern);
        }
        auto root = open_root(job.kernel);
        if (!root) {
            return job.give_up(root.error(), "/");
        }
        if (auto done = Search{job, step, act, *parts}.below(std::move(*root), "", 0); !done) {
            return done;
        }
    }
    return {};
}

} // namespace stepdown::setup
