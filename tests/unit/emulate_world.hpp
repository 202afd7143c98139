#pragma once

#include <cstring>
#include <map>
#include <span>
#include <vector>

#include "emulate/session.hpp"

namespace stepdown::testing {

// Processes and one memory for all of them, for emulate::Session: what /proc would say, in maps.
class World : public emulate::Target {
  public:
    static constexpr std::uint64_t kMemory = 0x1000; // its first address
    static constexpr pid_t kDaemon = 10;             // the app; its parent is pid 1, which is not seen

    World() : memory(4096) { processes[kDaemon] = {.pid = kDaemon, .parent = 0, .start = 1, .image = 100}; }

    std::map<pid_t, emulate::Process> processes; // by thread
    std::map<unsigned, emulate::ResourceLimit> limits;
    std::map<std::uint64_t, emulate::Directory> directories; // by the address of a path
    emulate::Directory here = {1, 1};
    std::vector<std::byte> memory;
    std::vector<std::uint64_t> reads; // addresses, in order
    std::vector<std::uint64_t> writes;
    std::size_t looked_up = 0;

    void fork(pid_t parent, pid_t child) {
        processes[child] = processes[parent];
        processes[child].pid = child;
        processes[child].parent = parent;
        processes[child].start = ++now_;
    }
    void thread(pid_t process, pid_t tid) { processes[tid] = processes[process]; }
    void execute(pid_t process) { processes[process].image = ++now_ + 1000; }
    void end(pid_t process) {
        processes.erase(process);
        for (auto& [tid, other] : processes) {
            other.parent = other.parent == process ? 0 : other.parent;
        }
    }

    template <class T> void put(std::uint64_t address, const T& value) {
        std::memcpy(&memory[address - kMemory], &value, sizeof value);
    }
    template <class T> T get(std::uint64_t address) const {
        T value;
        std::memcpy(&value, &memory[address - kMemory], sizeof value);
        return value;
    }

    std::optional<emulate::Process> process_of(pid_t thread) override {
        ++looked_up;
        const auto found = processes.find(thread);
        return found == processes.end() ? std::nullopt : std::optional(found->second);
    }
    std::size_t children_of(pid_t process, std::span<pid_t> into) override {
        std::size_t count = 0;
        for (const auto& [tid, other] : processes) {
            if (other.parent == process && tid == other.pid && count < into.size()) {
                into[count++] = tid;
            }
        }
        return count;
    }
    std::optional<emulate::ResourceLimit> limit_of(pid_t, unsigned resource) override {
        const auto found = limits.find(resource);
        return found == limits.end() ? std::nullopt : std::optional(found->second);
    }
    std::optional<emulate::Directory> directory_at(pid_t, std::uint64_t path) override {
        reads.push_back(path);
        const auto found = directories.find(path);
        return found == directories.end() ? std::nullopt : std::optional(found->second);
    }
    std::optional<emulate::Directory> working_directory(pid_t) override { return here; }
    bool read(pid_t, std::uint64_t address, std::span<std::byte> into) override {
        reads.push_back(address);
        if (!mapped(address, into.size())) {
            return false;
        }
        std::ranges::copy(std::span(memory).subspan(address - kMemory, into.size()), into.begin());
        return true;
    }
    bool write(pid_t, std::uint64_t address, std::span<const std::byte> from) override {
        writes.push_back(address);
        if (!mapped(address, from.size())) {
            return false;
        }
        std::ranges::copy(from, memory.begin() + static_cast<std::ptrdiff_t>(address - kMemory));
        return true;
    }

  private:
    bool mapped(std::uint64_t address, std::size_t size) const {
        return address >= kMemory && address - kMemory + size <= memory.size();
    }

    std::uint64_t now_ = 1;
};

} // namespace stepdown::testing
