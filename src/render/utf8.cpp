#include "render/utf8.hpp"

namespace stepdown::render {

std::size_t utf8_length(std::string_view text) {
    const auto byte = [text](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    const unsigned first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    const std::size_t length = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    const unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    bool good = first >= 0xc2 && first < 0xf5 && byte(1) >= least && byte(1) <= most;
    for (std::size_t at = 2; at < length; ++at) {
        good = good && byte(at) >= 0x80 && byte(at) <= 0xbf;
    }
    return good ? length : 0;
}

} // namespace stepdown::render
