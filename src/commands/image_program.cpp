#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <elf.h>
#include <linux/seccomp.h>
#include <sys/xattr.h>

#include <fmt/format.h>

#include "commands/image.hpp"
#include "confine/answers.hpp"
#include "confine/evaluate.hpp"
#include "confine/syscalls.hpp"
#include "plan/program.hpp"

namespace stepdown::commands {
namespace {

constexpr ImageCheck kProgram = {"image.program", "the app's user can execute the program",
                                 "executable, without file capabilities", Severity::kHigh,
                                 "CIS-Docker-4.8 OWASP-Docker-D04"};
constexpr ImageCheck kMachine = {"image.machine", "the filter lets the program's calls in",
                                 "calls of a machine that the profile names", Severity::kHigh, "CIS-Docker-5.21"};

constexpr int kMostInterpreters = 4; // execve(2): one that is itself a script, four times
constexpr std::size_t kHead = 256;   // of "#!" the kernel reads no more

// What a program's calls come in as, elf(5).
struct ElfMachine {
    unsigned char width;
    std::uint16_t machine;
    confine::Architecture architecture;
};

constexpr std::array kMachines = {
    ElfMachine{ELFCLASS64, EM_X86_64, confine::Architecture::kX86_64},
    ElfMachine{ELFCLASS32, EM_X86_64, confine::Architecture::kX32},
    ElfMachine{ELFCLASS32, EM_386, confine::Architecture::kX86},
    ElfMachine{ELFCLASS64, EM_AARCH64, confine::Architecture::kAarch64},
    ElfMachine{ELFCLASS32, EM_ARM, confine::Architecture::kArm},
    ElfMachine{ELFCLASS64, EM_RISCV, confine::Architecture::kRiscv64},
};

const ElfMachine* machine_of(std::string_view head) {
    Elf32_Ehdr header{}; // its first members are those of the wide one
    if (head.size() < sizeof header || !head.starts_with(ELFMAG)) {
        return nullptr;
    }
    std::memcpy(&header, head.data(), sizeof header);
    const auto known = std::ranges::find_if(kMachines, [&header](const ElfMachine& one) {
        return one.width == header.e_ident[EI_CLASS] && one.machine == header.e_machine;
    });
    return known == kMachines.end() ? nullptr : &*known;
}

// "#! /usr/bin/env python3": the path alone.
std::string interpreter_in(std::string_view head) {
    constexpr std::string_view kBlank = " \t";
    head = head.substr(2, head.find('\n') - 2);
    head.remove_prefix(std::min(head.find_first_not_of(kBlank), head.size()));
    return std::string(head.substr(0, head.find_first_of(kBlank)));
}

bool has_file_capabilities(const Place& place) {
    const std::string own = fmt::format("/proc/self/fd/{}", place.fd.get());
    return ::getxattr(own.c_str(), "security.capability", nullptr, 0) > 0;
}

// Why it will not be executed; empty: it will.
struct Obstacle {
    std::string what;
    std::string_view remedy = {};
};

Obstacle obstacle_to(const Image& image, const Plan& plan, const Place& place) {
    const Landlock& asked = plan.landlock;
    const auto granted = [&place](const FileGrant& grant) {
        return grant.kind == FileGrantKind::kExecute && is_below(place.path, grant.path);
    };
    if (const std::string closed = closed_folder(image, plan, place.path); !closed.empty()) {
        return {"the app may not enter " + closed, "chmod a+x it in the image"};
    }
    if (!S_ISREG(place.status.st_mode) || !lets(place.status, plan, 1)) {
        return {"not executable for the app's user", "chmod a+x it in the image"};
    }
    if (has_file_capabilities(place)) {
        return {"has file capabilities, and its start will be refused", "setcap -r it in the image"};
    }
    if (asked.mode != LandlockMode::kOff && asked.restricts_files() && !asked.read_only_root &&
        std::ranges::none_of(asked.files, granted)) {
        return {"the Landlock rules refuse executing it", "add --exec for it and its libraries"};
    }
    return {};
}

Finding judge_machine(const confine::Filter& filter, const ElfMachine* machine, const std::string& path) {
    if (machine == nullptr) {
        return image_finding(kMachine, Verdict::kUnknown, path + ": no program that this kernel executes by itself",
                             "name the interpreter in its first line, or check the image where it will run", path);
    }
    const confine::ArchitectureFacts& facts = confine::facts_of(machine->architecture);
    if (facts.kernel != confine::native_architecture()) {
        return image_finding(kMachine, Verdict::kUnknown,
                             fmt::format("{}: for {}, and this stepdown is another machine's", path, facts.oci_name),
                             "check the image with the stepdown that is in it", path);
    }
    // A call that no program does without, and that no sane profile refuses a machine whose calls it lets in.
    seccomp_data data{};
    data.nr = static_cast<int>(confine::entries_of("exit_group", machine->architecture).front().number);
    data.arch = facts.audit;
    const auto answer =
        filter.off() ? std::optional<confine::Action>(SECCOMP_RET_ALLOW) : confine::evaluate(filter.program(), data);
    const bool let_in = answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG;
    return image_finding(kMachine, let_in ? Verdict::kPass : Verdict::kFail,
                         let_in
                             ? fmt::format("{}: {}", path, facts.oci_name)
                             : fmt::format("{}: for {}; the profile's answer to its calls: {}", path, facts.oci_name,
                                           answer ? confine::action_text(*answer) : "none, the program is not valid"),
                         "use a program for this machine, or a profile that names this one", path);
}

std::optional<Place> place_of(const Image& image, const std::string& command, std::string_view search_path) {
    for (const std::string& path : plan::program_candidates(command, search_path)) {
        if (auto place = image.find(path)) {
            return std::move(*place);
        }
    }
    return std::nullopt;
}

} // namespace

std::vector<Finding> judge_image_program(const Image& image, const Plan& plan, const confine::Filter* filter,
                                         std::string_view search_path) {
    if (plan.command.empty() || !plan.identity) {
        const char* const why = plan.command.empty() ? "no command was given" : "no user";
        return {image_finding(kProgram, Verdict::kSkipped, why)};
    }
    std::string asked = plan.command.front();
    std::string named; // by which script
    for (int deep = 0; deep <= kMostInterpreters; ++deep) {
        const auto place = place_of(image, asked, search_path);
        if (!place) {
            return {image_finding(kProgram, Verdict::kFail, fmt::format("{}: not in the image{}", asked, named),
                                  "name a program of the image, or its full path")};
        }
        if (const Obstacle obstacle = obstacle_to(image, plan, *place); !obstacle.what.empty()) {
            return {image_finding(kProgram, Verdict::kFail, fmt::format("{}: {}{}", place->path, obstacle.what, named),
                                  obstacle.remedy, place->path)};
        }
        const std::string head = image.head(*place, kHead);
        if (!head.starts_with("#!")) {
            std::vector<Finding> findings = {image_finding(kProgram, Verdict::kPass, place->path + named)};
            if (filter != nullptr) {
                findings.push_back(judge_machine(*filter, machine_of(head), place->path));
            }
            return findings;
        }
        asked = interpreter_in(head);
        named = fmt::format(", which {} names in its first line", place->path);
    }
    return {image_finding(kProgram, Verdict::kFail, plan.command.front() + ": too many scripts that run scripts")};
}

} // namespace stepdown::commands
