// stepdown-seccomp-compile IN.json[+MORE.json] NAME OUT [ARCHITECTURE]: a profile as a C++ array for the binary that is
// being built; MORE.json adds its rules. ARCHITECTURE is an OCI name such as SCMP_ARCH_AARCH64; without it, the machine
// this tool was built for.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "confine/compile.hpp"
#include "confine/digest.hpp"
#include "confine/read.hpp"
#include "confine/syscalls.hpp"

namespace {

using namespace stepdown;
using File = std::unique_ptr<std::FILE, decltype([](std::FILE* file) { std::fclose(file); })>;

std::optional<std::string> contents(const char* path) {
    const File file(std::fopen(path, "re"));
    if (!file) {
        return std::nullopt;
    }
    std::string text;
    char buffer[4096];
    while (const std::size_t count = std::fread(buffer, 1, sizeof(buffer), file.get())) {
        text.append(buffer, count);
    }
    return std::ferror(file.get()) ? std::nullopt : std::optional(text);
}

std::string array(const std::string& source, const std::string& name, std::span<const sock_filter> program) {
    std::string text = fmt::format("// From {} by stepdown-seccomp-compile; {} instructions.\n"
                                   "inline constexpr sock_filter k{}Program[] = {{\n",
                                   source.substr(source.rfind('/') + 1), program.size(), name);
    for (const sock_filter& instruction : program) {
        text += fmt::format("    {{{:#04x}, {}, {}, {:#010x}}},\n", instruction.code, instruction.jt, instruction.jf,
                            instruction.k);
    }
    return text + fmt::format("}};\ninline constexpr char k{}Sha256[] = \"{}\";\n", name, confine::sha256(program));
}

void drop_comments(nlohmann::json& value) {
    if (value.is_object()) {
        value.erase("comment");
    }
    for (nlohmann::json& item : value) {
        if (item.is_structured()) {
            drop_comments(item);
        }
    }
}

// What --seccomp-allow and --seccomp-deny change, and `stepdown profile` shows.
std::string source_text(std::string_view paths, const std::string& name) {
    nlohmann::json whole;
    for (const auto part : std::views::split(paths, '+')) {
        nlohmann::json value =
            nlohmann::json::parse(contents(std::string(part.begin(), part.end()).c_str()).value_or("{}"));
        drop_comments(value);
        if (!whole.is_null()) {
            value["syscalls"].insert(value["syscalls"].begin(), whole["syscalls"].begin(), whole["syscalls"].end());
        }
        whole = std::move(value);
    }
    return fmt::format("inline constexpr char k{}Source[] = R\"json({})json\";\n", name, whole.dump());
}

// The first file's profile with the rules of the others behind its own.
Result<confine::Profile> read_files(std::string_view paths, const confine::Machine& machine) {
    Result<confine::Profile> whole;
    for (const auto part : std::views::split(paths, '+')) {
        const std::string path(part.begin(), part.end());
        const std::optional<std::string> text = contents(path.c_str());
        if (!text) {
            return fail(ExitCode::kUsage, fmt::format("cannot read {}", path));
        }
        Result<confine::Profile> read = confine::read_profile(*text, machine);
        if (!read) {
            return fail(ExitCode::kUsage, fmt::format("{}: {}", path, read.error().line));
        }
        if (!whole->architectures.empty()) {
            read->rules.insert(read->rules.begin(), whole->rules.begin(), whole->rules.end());
        }
        whole = std::move(read);
    }
    return whole;
}

int complain(const std::string& line) {
    fmt::print(stderr, "stepdown-seccomp-compile: {}\n", line);
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4 && argc != 5) {
        return complain("usage: stepdown-seccomp-compile IN.json[+MORE.json] NAME OUT [ARCHITECTURE]");
    }
    const std::string source = argv[1];
    confine::Machine machine{confine::native_architecture(), 0, 0, true};
    if (argc == 5) {
        const auto row = std::ranges::find(confine::architectures(), std::string_view(argv[4]),
                                           &confine::ArchitectureFacts::oci_name);
        if (row == confine::architectures().end() || row->kernel != row->architecture) {
            return complain(fmt::format("\"{}\" is no machine that stepdown is built for", argv[4]));
        }
        machine.native = row->architecture;
    }
    const auto program = read_files(source, machine).and_then(confine::compile);
    if (!program) {
        return complain(program.error().line);
    }
    const File out(std::fopen(argv[3], "we"));
    if (!out || std::fputs((array(source, argv[2], *program) + source_text(source, argv[2])).c_str(), out.get()) < 0 ||
        std::fflush(out.get()) != 0) {
        return complain(fmt::format("cannot write {}", argv[3]));
    }
    return 0;
}
