#include <cstdlib>
#include <string>

#include "cli/config_file.hpp"

// Whatever a configuration file says, the answer is values of known options or one line about it.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace stepdown;
    std::vector<cli::Given> given;
    const auto read = cli::read_config_text(std::string(reinterpret_cast<const char*>(data), size), "c.toml", given);
    if (!read && (read.error().code != ExitCode::kUsage || !read.error().line.starts_with("c.toml"))) {
        std::abort();
    }
    for (const cli::Given& one : given) {
        if ((one.option->places & cli::kInFile) == 0 || one.setting.value.empty()) {
            std::abort();
        }
    }
    return 0;
}
