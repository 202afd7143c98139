#pragma once

#include <functional>

#include <gtest/gtest.h>

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

} // namespace stepdown::testing
