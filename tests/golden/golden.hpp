#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

inline bool updates_golden() {
    const char* update = std::getenv("STEPDOWN_UPDATE_GOLDEN");
    return update != nullptr && std::string(update) == "1";
}

// Compares text with tests/golden/NAME. STEPDOWN_UPDATE_GOLDEN=1 writes the file instead; the diff is then yours to
// read.
inline void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = std::string(STEPDOWN_SOURCE_DIR) + "/tests/golden/" + name;
    if (updates_golden()) {
        std::ofstream(path) << text;
    }
    std::ifstream file(path);
    ASSERT_TRUE(file) << path << " is missing: write it with STEPDOWN_UPDATE_GOLDEN=1";
    std::ostringstream golden;
    golden << file.rdbuf();
    EXPECT_EQ(golden.str(), text) << "differs from " << path;
}
