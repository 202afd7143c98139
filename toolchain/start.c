// The release's rcrt1.o, in place of musl's: the first code that runs. Three things differ. Relative relocations may be
// packed (RELR, in the ELF gABI), which musl 1.2.3 cannot read: 70 kB less to ship, and to page in at every start.
// Relocated data is made read-only (PT_GNU_RELRO): that is the dynamic loader's work, a static-PIE has none, and musl
// leaves it undone. And the pages that every start touches are asked for at once, madvise(2): each would be a fault of
// its own, which in a virtual machine can cost 20 µs.
//
// Runs before any relocation is applied and before thread-local storage exists: no calls out, no stack protector, no
// address taken from memory.

#include <elf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define HIDDEN __attribute__((visibility("hidden")))

enum { kRelrSize = 35, kRelr = 36 }; // DT_RELRSZ, DT_RELR
enum { kPopulateRead = 22, kPopulateWrite = 23 }; // MADV_POPULATE_READ and _WRITE; older kernels than 5.14 refuse, no harm
enum { kStartData = 16 * 1024 }; // of .data and .bss: what a start writes to, as startup.order has it
#if defined(__x86_64__)
enum { kRelative = R_X86_64_RELATIVE, kPage = 4096 }; // it has one page size
#elif defined(__aarch64__)
enum { kRelative = R_AARCH64_RELATIVE, kPage = 65536 }; // its largest, to which the linker aligns
#endif

extern const Elf64_Ehdr __ehdr_start HIDDEN; // from the linker: where the file begins in memory
extern const Elf64_Dyn _DYNAMIC[] HIDDEN;

extern int main(int, char**, char**) HIDDEN;
_Noreturn void __libc_start_main(int (*)(int, char**, char**), int, char**, void (*)(void), void (*)(void),
                                 void (*)(void));

__asm__(".text\n"
        ".global _start\n"
        ".type _start, %function\n"
        "_start:\n"
#if defined(__x86_64__)
        "    xor %ebp, %ebp\n" // the outermost frame, says the x86-64 psABI
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call stepdown_start\n"
#elif defined(__aarch64__)
        "    mov x29, #0\n" // likewise, says the AAPCS64
        "    mov x30, #0\n"
        "    mov x0, sp\n"
        "    and sp, x0, #-16\n"
        "    b stepdown_start\n"
#endif
);

static void relocate(uintptr_t base) {
    const Elf64_Rela* rela = 0;
    const uintptr_t* relr = 0;
    uintptr_t rela_size = 0, relr_size = 0;
    for (const Elf64_Dyn* entry = _DYNAMIC; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_RELA) {
            rela = (const Elf64_Rela*)(base + entry->d_un.d_ptr);
        }
        if (entry->d_tag == DT_RELASZ) {
            rela_size = entry->d_un.d_val;
        }
        if (entry->d_tag == kRelr) {
            relr = (const uintptr_t*)(base + entry->d_un.d_ptr);
        }
        if (entry->d_tag == kRelrSize) {
            relr_size = entry->d_un.d_val;
        }
    }
    for (const Elf64_Rela* end = rela + rela_size / sizeof *rela; rela != end; ++rela) {
        if (ELF64_R_TYPE(rela->r_info) != kRelative) {
            __builtin_trap();
        }
        *(uintptr_t*)(base + rela->r_offset) = base + (uintptr_t)rela->r_addend;
    }
    // An even word is an address to relocate; an odd one says by its upper 63 bits which of the next 63 words are, too.
    uintptr_t* next = 0;
    for (const uintptr_t* end = relr + relr_size / sizeof *relr; relr != end; ++relr) {
        if (*relr & 1) {
            for (uintptr_t bits = *relr >> 1; bits; bits &= bits - 1) {
                next[__builtin_ctzl(bits)] += base;
            }
            next += 63;
        } else {
            next = (uintptr_t*)(base + *relr);
            *next++ += base;
        }
    }
}

static long call(long number, uintptr_t begin, uintptr_t size, long argument) {
#if defined(__x86_64__)
    long result = number;
    __asm__ volatile("syscall" : "+a"(result) : "D"(begin), "S"(size), "d"(argument) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long called __asm__("x8") = number;
    register long result __asm__("x0") = (long)begin;
    register long length __asm__("x1") = (long)size;
    register long third __asm__("x2") = argument;
    __asm__ volatile("svc #0" : "+r"(result) : "r"(called), "r"(length), "r"(third) : "memory");
    return result;
#endif
}

static const Elf64_Phdr* relro_of(uintptr_t base) {
    const Elf64_Phdr* header = (const Elf64_Phdr*)(base + __ehdr_start.e_phoff);
    while (header->p_type != PT_GNU_RELRO) { // -z relro: there is one
        ++header;
    }
    return header;
}

static uintptr_t page_of(uintptr_t address) { return address & -(uintptr_t)kPage; }

// Advice: what comes of it is not looked at.
static void populate(uintptr_t begin, uintptr_t end, long how) {
    if (begin < end) {
        call(SYS_madvise, page_of(begin), end - page_of(begin), how);
    }
}

// startup.order puts it behind the last function that a start runs; with a text, so that no empty function is it as well.
extern const char stepdown_start_ends[] HIDDEN;
__asm__(".section .text.stepdown_start_ends, \"ax\"\n"
        ".global stepdown_start_ends\n"
        "stepdown_start_ends: .ascii \"stepdown_start_ends\"\n"
        ".text\n");

HIDDEN _Noreturn void stepdown_start(uintptr_t* stack) {
    const uintptr_t base = (uintptr_t)&__ehdr_start;
    const Elf64_Phdr* relro = relro_of(base);
    const uintptr_t begin = page_of(base + relro->p_vaddr);
    const uintptr_t end = page_of(base + relro->p_vaddr + relro->p_memsz);
    populate(base, (uintptr_t)&stepdown_start_ends, kPopulateRead); // the constants come first
    populate(begin, end + kStartData, kPopulateWrite);
    relocate(base);
    if (begin < end && call(SYS_mprotect, begin, end - begin, PROT_READ) != 0) {
        __builtin_trap();
    }
    __libc_start_main(main, (int)*stack, (char**)(stack + 1), 0, 0, 0);
}
