#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepdown::plan {

// The next word of a line, quotes removed and C escapes replaced, taken off its front; empty optional at the end. Fails
// on quotes that do not end and escapes that are none.
struct WordFault {
    std::string_view why;
};
std::optional<std::string> take_word(std::string_view& line, WordFault& fault);

// C escapes replaced: \a \b \f \n \r \t \v \s \\ \" \' \xHH \OOO \uHHHH \UHHHHHHHH. Empty for what is none, and for one
// that makes a zero byte.
std::optional<std::string> unescape(std::string_view text);

// RFC 4648, with padding; blanks are passed over.
std::optional<std::string> decode_base64(std::string_view text);

} // namespace stepdown::plan
