// operator new of the release: a start makes some hundred small strings and lists and ends none of them before the app
// runs, for which a general allocator's locks and mappings cost a tenth of the start. They are cut from one block; what
// does not fit any more comes from malloc(3), which serves the commands that walk large trees. Not built into the
// sanitizers' builds: they watch the heap.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constexpr std::size_t kArenaSize = std::size_t{96} * 1024;
constexpr std::size_t kAlignment = alignof(std::max_align_t);

alignas(kAlignment) char arena[kArenaSize];
std::atomic<std::size_t> used = 0; // the threads of a long ownership walk allocate too

bool in_arena(const void* block) { return block >= arena && block < arena + kArenaSize; }

void* allocate(std::size_t size) noexcept {
    const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
    std::size_t begin = used.load(std::memory_order_relaxed);
    while (rounded >= size && rounded <= kArenaSize - begin) {
        if (used.compare_exchange_weak(begin, begin + rounded, std::memory_order_relaxed)) {
            return arena + begin;
        }
    }
    if (void* block = std::malloc(size == 0 ? 1 : size)) {
        return block;
    }
    std::abort(); // out of memory before the app runs: nothing was started, nothing is half done
}

void release(void* block) noexcept {
    if (!in_arena(block)) {
        std::free(block);
    }
}

} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }
