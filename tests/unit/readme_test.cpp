#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "cli/help.hpp"
#include "golden/golden.hpp"

// The README's copy of the help text is the option table's, to the letter.
namespace stepdown {
namespace {

std::string read(const std::string& name) {
    const std::ifstream file(STEPDOWN_SOURCE_DIR "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Readme, ShowsTheHelpTextAsItIs) {
    const std::string open = "<!-- help -->\n```\n";
    const std::string close = "```\n<!-- /help -->";
    std::string text = read("README.md");
    const std::size_t from = text.find(open) + open.size();
    const std::size_t to = text.find(close);
    ASSERT_LT(open.size(), from);
    ASSERT_LT(from, to);
    const std::string help = cli::help_text(cli::Command::kRun);
    if (updates_golden()) {
        text.replace(from, to - from, help);
        std::ofstream(STEPDOWN_SOURCE_DIR "/README.md") << text;
    } else {
        EXPECT_EQ(text.substr(from, to - from), help) << "STEPDOWN_UPDATE_GOLDEN=1 copies it";
    }
}

TEST(Readme, ShowsTheFourLinesOfTheExample) {
    const std::string text = read("README.md");
    const std::string open = "```dockerfile\n";
    const std::size_t from = text.find(open);
    ASSERT_NE(from, std::string::npos);
    const std::size_t begin = from + open.size();
    const std::string lines = text.substr(begin, text.find("```", begin) - begin);
    EXPECT_EQ(std::ranges::count(lines, '\n'), 4);
    EXPECT_TRUE(read("Dockerfile.example").ends_with(lines));
}

} // namespace
} // namespace stepdown
