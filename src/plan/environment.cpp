#include "plan/environment.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace stepdown::plan {
namespace {

constexpr std::string_view kOfTheUser[] = {"HOME=", "USER=", "LOGNAME=", "SHELL="};

bool is_of_the_user(std::string_view entry) {
    return std::ranges::any_of(kOfTheUser, [entry](std::string_view name) { return entry.starts_with(name); });
}

} // namespace

Environment app_environment(const char* const* old, const std::optional<Identity>& identity) {
    Environment result;
    std::size_t count = 0;
    while (old[count] != nullptr) {
        ++count;
    }
    result.entries.reserve(count + std::size(kOfTheUser) + 1);
    std::copy_if(old, old + count, std::back_inserter(result.entries),
                 [&identity](const char* entry) { return !identity || !is_of_the_user(entry); });
    if (identity) {
        const std::string name = identity->user_name.empty() ? std::to_string(identity->uid) : identity->user_name;
        const std::string_view values[] = {identity->home, name, name, identity->shell};
        std::size_t starts[std::size(kOfTheUser)];
        for (std::size_t i = 0; i < std::size(kOfTheUser); ++i) {
            starts[i] = result.text.size();
            result.text.append_range(kOfTheUser[i]);
            result.text.append_range(values[i]);
            result.text.push_back('\0');
        }
        for (const std::size_t start : starts) { // the text moves no more
            result.entries.push_back(result.text.data() + start);
        }
    }
    result.entries.push_back(nullptr);
    return result;
}

} // namespace stepdown::plan
