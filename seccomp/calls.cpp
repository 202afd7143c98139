// stepdown-seccomp-calls OUT: the names and numbers of system calls that the build's libseccomp knows, as C++ for the
// binary that is being built. Its own tables, by perfect hashes and for nine machines more, would be fifty kilobytes.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include <fmt/format.h>
#include <seccomp.h>

#include "confine/call_table.hpp"

namespace {

using namespace stepdown::confine;
using File = std::unique_ptr<std::FILE, decltype([](std::FILE* file) { std::fclose(file); })>;
using Text = std::unique_ptr<char, decltype([](char* text) { std::free(text); })>;

// As enum Architecture has them.
constexpr auto kTokens = std::to_array<std::uint32_t>(
    {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_AARCH64, SCMP_ARCH_ARM, SCMP_ARCH_RISCV64});

// Whose calls have names that none of ours has.
constexpr auto kOthers = std::to_array<std::uint32_t>({SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32,
                                                       SCMP_ARCH_PARISC, SCMP_ARCH_PPC, SCMP_ARCH_PPC64LE,
                                                       SCMP_ARCH_S390, SCMP_ARCH_S390X, SCMP_ARCH_PARISC64});

// Where machines number their calls from: x32, MIPS in its three ways, arm's own.
constexpr std::array kBases = {0, static_cast<int>(kX32Bit), 4000, 5000, 6000, static_cast<int>(kArmPrivate)};
constexpr int kMost = 600;

void add_names(std::uint32_t token, std::set<std::string>& names) {
    for (const int base : kBases) {
        for (int number = base; number < base + kMost; ++number) {
            if (const Text name(seccomp_syscall_resolve_num_arch(token, number)); name) {
                names.insert(name.get());
            }
        }
    }
}

std::string table() {
    std::set<std::string> names;
    std::ranges::for_each(kTokens, [&](std::uint32_t token) { add_names(token, names); });
    std::ranges::for_each(kOthers, [&](std::uint32_t token) { add_names(token, names); });
    std::string all;
    std::string rows;
    for (const std::string& name : names) {
        rows += fmt::format("    {{{}, {{", all.size());
        for (const std::uint32_t token : kTokens) {
            rows += fmt::format("{}, ", packed(seccomp_syscall_resolve_name_arch(token, name.c_str())));
        }
        rows += fmt::format("}}}}, // {}\n", name);
        all += name;
    }
    return fmt::format("// By stepdown-seccomp-calls, from libseccomp {}.{}.{}.\n"
                       "inline constexpr std::string_view kCallNames = \"{}\";\n"
                       "inline constexpr CallRow kCallRows[] = {{\n{}    {{{}, {{}}}},\n}};\n",
                       SCMP_VER_MAJOR, SCMP_VER_MINOR, SCMP_VER_MICRO, all, rows, all.size());
}

} // namespace

int main(int argc, char** argv) {
    const File out(argc == 2 ? std::fopen(argv[1], "we") : nullptr);
    if (!out || std::fputs(table().c_str(), out.get()) < 0 || std::fflush(out.get()) != 0) {
        fmt::print(stderr, "stepdown-seccomp-calls: cannot write {}\n", argc == 2 ? argv[1] : "a file: name one");
        return 1;
    }
    return 0;
}
