#include "confine/digest.hpp"

#include <array>
#include <cstdint>

// libmd's header needs both before it.
#include <sha2.h>
#include <sys/types.h>

namespace stepdown::confine {

std::string sha256(std::span<const sock_filter> program) {
    return sha256_of_text({reinterpret_cast<const char*>(program.data()), program.size_bytes()});
}

std::string sha256_of_text(std::string_view data) {
    std::array<char, SHA256_DIGEST_STRING_LENGTH> text = {};
    SHA256Data(reinterpret_cast<const std::uint8_t*>(data.data()), data.size(), text.data());
    return text.data();
}

} // namespace stepdown::confine
