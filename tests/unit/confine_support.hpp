#pragma once

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <seccomp.h>

#include "confine/compile.hpp"
#include "confine/evaluate.hpp"
#include "unit/confine_meaning.hpp"

namespace stepdown::testing {

inline seccomp_data call_of(std::string_view name, std::initializer_list<std::uint64_t> args = {},
                            Architecture architecture = Architecture::kX86_64) {
    const std::vector<Entry> entries = entries_of(name, architecture);
    EXPECT_FALSE(entries.empty()) << name;
    return call_of(architecture, entries.empty() ? 0 : entries.front().number, args);
}

// libseccomp's word for it.
inline std::uint32_t token_of(Architecture architecture) {
    std::string name(facts_of(architecture).oci_name.substr(std::string_view("SCMP_ARCH_").size()));
    std::ranges::transform(name, name.begin(), [](char letter) { return static_cast<char>(std::tolower(letter)); });
    return seccomp_arch_resolve_name(name.c_str());
}

// A call of this machine's. Which names a machine has is its own: x86's must all be there, so that none is misspelt.
inline bool has_call(std::string_view name) {
    EXPECT_FALSE(entries_of(name, Architecture::kX86_64).empty()) << name;
    return !entries_of(name, native_architecture()).empty();
}

// Holds both against each other over architecture × number × arguments; where no rule speaks of a number, zeros will
// do.
using Answer = std::function<std::optional<Action>(const seccomp_data&)>;

inline void expect_same(const Profile& profile, std::uint32_t numbers, const Answer& answer, const Answer& expected) {
    const Meaning meaning(profile);
    const std::vector<std::array<std::uint64_t, 6>> arguments = interesting_arguments(profile);
    for (const ArchitectureFacts& facts : architectures()) {
        for (std::uint32_t at = 0; at < 3 * numbers; ++at) {
            constexpr std::array<std::uint32_t, 3> kBases = {0, kX32Bit, 0xffffff00};
            seccomp_data data = call_of(facts.architecture, kBases[at / numbers] + at % numbers);
            const std::size_t tries = meaning.tries(data, arguments.size());
            for (std::size_t i = 0; i < tries; ++i) {
                std::ranges::copy(arguments[i], data.args);
                ASSERT_EQ(answer(data), expected(data)) << facts.oci_name << " number " << data.nr << " arguments "
                                                        << ::testing::PrintToString(arguments[i]);
            }
        }
    }
}

// A built-in profile as its source has it.
inline Profile source(const char* name) {
    const std::string path = std::string(STEPDOWN_SOURCE_DIR "/seccomp/") + name;
    std::string text(1 << 20, '\0');
    const std::unique_ptr<std::FILE, decltype([](std::FILE* file) { std::fclose(file); })> file(
        std::fopen(path.c_str(), "re"));
    EXPECT_TRUE(file) << path;
    text.resize(file ? std::fread(text.data(), 1, text.size(), file.get()) : 0);
    Result<Profile> profile = read_profile(text, {native_architecture(), 0, 0, true});
    EXPECT_TRUE(profile) << profile.error().line;
    return profile.value_or(Profile{});
}

// Nothing is left to the default by oversight: every call this machine is known to have is decided by name.
inline void expect_every_known_call_named(const char* file) {
    std::map<std::uint32_t, std::string> named;
    for (const Rule& rule : source(file).rules) {
        for (const std::string& name : rule.names) {
            for (const Entry& entry : entries_of(name, native_architecture())) {
                named[entry.number] = name;
            }
        }
    }
    int known = 0;
    for (int number = 0; number < 600; ++number) {
        if (char* name = seccomp_syscall_resolve_num_arch(token_of(native_architecture()), number)) {
            EXPECT_TRUE(named.contains(static_cast<std::uint32_t>(number))) << name;
            std::free(name);
            ++known;
        }
    }
    EXPECT_GT(known, 250);
}

} // namespace stepdown::testing
