#include "generate.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

// generate WHAT DATE >FILE: a manual page or a completion, from the option table. DATE stands in the manual pages.
int main(int argc, char** argv) {
    using namespace stepdown::packaging;
    const std::string what = argc == 3 ? argv[1] : "";
    const std::string text = what == "stepdown.1"        ? manual_of_program(argv[2])
                             : what == "stepdown.toml.5" ? manual_of_file(argv[2])
                             : what == "stepdown.bash"   ? bash_completion()
                             : what == "_stepdown"       ? zsh_completion()
                             : what == "stepdown.fish"   ? fish_completion()
                                                         : std::string();
    if (text.empty()) {
        std::fputs("usage: generate stepdown.1|stepdown.toml.5|stepdown.bash|_stepdown|stepdown.fish DATE\n", stderr);
        return EXIT_FAILURE;
    }
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? EXIT_SUCCESS
                                                                                                       : EXIT_FAILURE;
}
