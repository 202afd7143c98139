// Any bytes as a BPF program: the evaluator ends, and reads nothing beside the call. The first 64 bytes are the call.

#include <cstdint>
#include <cstring>
#include <vector>

#include "confine/evaluate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    seccomp_data data = {};
    const std::size_t head = size < sizeof(data) ? size : sizeof(data);
    std::memcpy(&data, bytes, head);
    std::vector<sock_filter> program((size - head) / sizeof(sock_filter));
    if (!program.empty()) {
        std::memcpy(program.data(), bytes + head, program.size() * sizeof(sock_filter));
    }
    (void)stepdown::confine::evaluate(program, data);
    return 0;
}
