#include "cli/setters.hpp"

#include <charconv>

#include "cli/front_end.hpp"
#include "cli/values.hpp"

namespace stepdown::cli {

Result<> apply_format(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<Format> kFormats[] = {{"text", Format::kText}, {"json", Format::kJson}};
    return set_choice(parsed.format, kFormats, "format", value, source);
}

Result<> apply_as(Parsed& parsed, std::string_view value, const Source& source) {
    if (find_front_end(value) == nullptr) {
        std::string names;
        for (const FrontEnd& front : front_ends()) {
            names.append(names.empty() ? "" : ", ").append(front.name);
        }
        return refuse(source, "as", value, "is not one of " + names);
    }
    parsed.install_as = value;
    return {};
}

Result<> apply_check(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.check, true, "check", value, source);
}

Result<> apply_output(Parsed& parsed, std::string_view value, const Source&) {
    parsed.output = value;
    return {};
}

Result<> apply_pid(Parsed& parsed, std::string_view value, const Source& source) {
    pid_t pid = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), pid);
    if (fault != std::errc() || end != value.data() + value.size() || pid < 1) {
        return refuse(source, "pid", value, "is not a process id: a decimal number from 1");
    }
    parsed.pid = pid;
    return {};
}

Result<> apply_quiet(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.quiet, true, "quiet", value, source);
}

} // namespace stepdown::cli
