#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sys/directory.hpp"

namespace stepdown::testing {
namespace {

namespace fs = std::filesystem;

sys::Directory opened(const fs::path& path) {
    return sys::Directory(sys::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
}

TEST(SysDirectory, GivesEveryNameOnceAndItsTypeHoweverManyThereAre) {
    const fs::path path = fs::temp_directory_path() / ("directory-test." + std::to_string(::getpid()));
    fs::create_directories(path / "below");
    fs::create_symlink("nowhere", path / "link");
    std::set<std::string> wanted = {"below", "link"};
    for (int i = 0; i < 500; ++i) { // several buffers full
        const std::string name = std::to_string(i) + std::string(100, '.');
        std::ofstream(path / name).put('x');
        wanted.insert(name);
    }

    sys::Directory directory = opened(path);
    std::multiset<std::string> names;
    while (const auto entry = directory.next()) {
        names.emplace(entry->name);
        if (entry->type != DT_UNKNOWN) {
            const std::string_view name = entry->name;
            EXPECT_EQ(entry->type, name == "below" ? DT_DIR : name == "link" ? DT_LNK : DT_REG) << name;
        }
    }
    EXPECT_EQ(directory.error(), 0);
    EXPECT_EQ(names, std::multiset<std::string>(wanted.begin(), wanted.end()));
    fs::remove_all(path);
}

TEST(SysDirectory, TellsWhyItCannotBeRead) {
    sys::Directory directory = opened("/etc/passwd");
    EXPECT_FALSE(directory.next());
    EXPECT_EQ(directory.error(), ENOTDIR);
}

} // namespace
} // namespace stepdown::testing
