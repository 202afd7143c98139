#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "cli/help.hpp"

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
    const std::string text = read("README.md");
    const std::string open = "<!-- help -->\n```\n";
    const std::string close = "```\n<!-- /help -->";
    const std::size_t from = text.find(open);
    const std::size_t to = text.find(close);
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);
    EXPECT_EQ(text.substr(from + open.size(), to - from - open.size()), cli::help_text(cli::Command::kRun))
        << "copy the output of stepdown --help between the marks";
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
