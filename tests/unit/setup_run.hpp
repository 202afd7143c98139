#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "setup/setup.hpp"
#include "temporary_directory.hpp"
#include "unit/setup_kernel.hpp"

namespace stepdown::setup {

namespace fs = std::filesystem;
using stepdown::testing::InventedOwners;

inline constexpr std::uint64_t kAll = ~std::uint64_t{0};
inline constexpr InventedOwners::Owner kApp{1000, 1001};
inline constexpr InventedOwners::Owner kRoot{0, 0};

inline void make_file(const fs::path& path) {
    std::FILE* const file = std::fopen(path.c_str(), "we");
    ASSERT_NE(file, nullptr) << path;
    std::fclose(file);
}

// Steps over real files of invented owners.
class SetupRun : public ::testing::Test {
  protected:
    fs::path path(const char* name) const { return folder_.path() / name; }

    Result<Outcome> run(std::vector<SetupStep> steps, bool best_effort = false, std::uint64_t effective = kAll) {
        return setup::run(kernel_, steps, kApp.first, kApp.second, effective, best_effort);
    }
    SetupStep own(const char* name) const { return {SetupKind::kOwn, path(name), {}}; }
    SetupStep mkdir(const char* name, std::optional<std::uint32_t> mode = {}) const {
        return {SetupKind::kMakeDirectory, path(name), mode};
    }

    stepdown::testing::TemporaryDirectory folder_;
    InventedOwners kernel_;
};

} // namespace stepdown::setup
