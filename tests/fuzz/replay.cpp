// Every fuzzer's corpus as a regression test, without libFuzzer: each file of corpus/NAME once through NAME's target. A
// property that does not hold aborts, and the line before says with which file.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

// FUZZERS is X(accounts) X(cgroup) ..., from the build: each target under a name of its own.
#define X(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
FUZZERS
#undef X

namespace {

struct Fuzzer {
    const char* name;
    int (*target)(const std::uint8_t*, std::size_t);
};

#define X(name) Fuzzer{#name, fuzz_##name},
constexpr Fuzzer kFuzzers[] = {FUZZERS};
#undef X

// How many files there were; 0 is as wrong as a crash: a corpus that nobody finds tests nothing.
unsigned replay(const Fuzzer& fuzzer, const std::filesystem::path& corpus) {
    unsigned count = 0;
    for (const auto& file : std::filesystem::directory_iterator(corpus / fuzzer.name)) {
        std::ifstream in(file.path(), std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
        std::printf("%s\n", file.path().c_str());
        std::fflush(stdout);
        fuzzer.target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        ++count;
    }
    return count;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    for (const Fuzzer& fuzzer : kFuzzers) {
        if (replay(fuzzer, argv[1]) == 0) {
            std::printf("%s: no corpus\n", fuzzer.name);
            return 1;
        }
    }
    return 0;
}
