#pragma once

#include <cstring>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "stepdown/exit_code.hpp"

namespace stepdown {

// A failure as it reaches the user: the stage it belongs to, and one line that says what, on which value, why, and what
// to do.
struct Error {
    ExitCode code = ExitCode::kInternal;
    std::string line;

    bool operator==(const Error&) const = default;
};

template <class T = void> using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ExitCode code, std::string line) {
    return std::unexpected(Error{code, std::move(line)});
}

// The line for a system call that failed: "WHAT: errno in words (CALL); REMEDY". call is the manual page's name of the
// call.
inline std::unexpected<Error> call_failed(ExitCode code, std::string_view what, std::string_view call, int error_number,
                                          std::string_view remedy = {}) {
    std::string line(what);
    line.append(": ").append(std::strerror(error_number)).append(" (").append(call).append(")");
    if (!remedy.empty()) {
        line.append("; ").append(remedy);
    }
    return fail(code, std::move(line));
}

} // namespace stepdown
