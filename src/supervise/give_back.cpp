#include <cstdint>
#include <span>

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "supervise/give_back.hpp"

namespace stepdown::supervise {
namespace {

// toolchain/startup.order puts it behind the last function that PID 1 runs beside an app; the first function of all is
// the first of those.
extern "C" [[gnu::visibility("hidden")]] const char stepdown_watch_ends[];
__asm__(".pushsection .text.stepdown_watch_ends, \"ax\"\n"
        ".global stepdown_watch_ends\n"
        ".hidden stepdown_watch_ends\n"
        "stepdown_watch_ends: .ascii \"stepdown_watch_ends\"\n" // no two functions at one address
        ".popsection\n");

// A fault brings in the pages around it, of the same mapping. By an advice that changes nothing else (no code is part
// of a core dump) that code becomes a mapping of its own.
void set_apart(std::uintptr_t code) noexcept {
    const auto end = reinterpret_cast<std::uintptr_t>(&stepdown_watch_ends);
    if (code < end) {
        ::madvise(reinterpret_cast<void*>(code), end - code, MADV_DONTDUMP);
    }
}

// All before the program's first writable segment: from there on the kernel would bring back what the file has. In one
// call, since to look at the next segment would map the constants again.
int give_back(dl_phdr_info* program, std::size_t, void*) noexcept {
    const auto page = static_cast<std::uintptr_t>(::getpagesize());
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::uintptr_t code = 0;
    for (const ElfW(Phdr) & segment : std::span(program->dlpi_phdr, program->dlpi_phnum)) {
        if (segment.p_type != PT_LOAD) {
            continue;
        }
        if ((segment.p_flags & PF_W) != 0) {
            break;
        }
        begin = end == 0 ? (program->dlpi_addr + segment.p_vaddr) / page * page : begin;
        end = program->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        code = (segment.p_flags & PF_X) != 0 ? (program->dlpi_addr + segment.p_vaddr) / page * page : code;
    }
    set_apart(code);
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    return 1; // the program itself comes first, and is all
}

constexpr std::uintptr_t kDeepest = std::uintptr_t{64} * 1024; // a start's calls go no deeper

// The pages below this function's: what the start's calls left on the stack. One page is spared, for the call below. A
// function of its own: inlined, the frame's address would be its caller's, and what is below that its variables.
[[gnu::noinline]] void give_stack_back() noexcept {
    const auto page = static_cast<std::uintptr_t>(::getpagesize());
    const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) / page * page - page;
    ::madvise(reinterpret_cast<void*>(end - kDeepest), kDeepest, MADV_DONTNEED);
}

} // namespace

void give_start_back() noexcept {
    give_stack_back();
    ::dl_iterate_phdr(give_back, nullptr);
}

} // namespace stepdown::supervise
