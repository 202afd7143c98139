#include <cstdint>
#include <span>

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "supervise/give_back.hpp"

namespace stepdown::supervise {
namespace {

// All before the program's first writable segment: from there on the kernel would bring back what the file has. In one
// call, since to look at the next segment would map the constants again.
int give_back(dl_phdr_info* program, std::size_t, void*) noexcept {
    const auto page = static_cast<std::uintptr_t>(::getpagesize());
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    for (const ElfW(Phdr) & segment : std::span(program->dlpi_phdr, program->dlpi_phnum)) {
        if (segment.p_type != PT_LOAD) {
            continue;
        }
        if ((segment.p_flags & PF_W) != 0) {
            break;
        }
        begin = end == 0 ? (program->dlpi_addr + segment.p_vaddr) / page * page : begin;
        end = program->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    }
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    return 1; // the program itself comes first, and is all
}

} // namespace

void give_start_back() noexcept { ::dl_iterate_phdr(give_back, nullptr); }

} // namespace stepdown::supervise
