#include "confine/denials.hpp"

#include <algorithm>

#include "confine/syscalls.hpp"

namespace stepdown::confine {

CallNames::CallNames() {
    for (const ArchitectureFacts& facts : architectures()) {
        if (facts.kernel == native_architecture()) { // x32 calls have x86-64's architecture and a bit in the number
            by_audit_[facts.audit].merge(calls_of(facts.architecture));
        }
    }
}

std::string_view CallNames::name_of(std::uint32_t audit, std::int32_t number) const noexcept {
    const auto calls = by_audit_.find(audit);
    if (calls == by_audit_.end()) {
        return "?";
    }
    const auto name = calls->second.find(static_cast<std::uint32_t>(number));
    return name == calls->second.end() ? std::string_view("?") : std::string_view(name->second);
}

const Denial* Denials::note(const Denial& seen) noexcept {
    ++total_;
    const auto same = [&seen](const Denial& row) {
        return row.number == seen.number && row.audit == seen.audit && row.error == seen.error &&
               row.program == seen.program;
    };
    auto row = std::ranges::find_if(all_, same);
    if (row == all_.end()) {
        if (all_.size() == kMost) {
            ++not_kept_;
            return nullptr;
        }
        row = all_.insert(row, seen);
        row->count = 0;
    }
    ++row->count;
    return &*row;
}

bool Denials::worth_telling(std::uint64_t count) noexcept {
    while (count % 10 == 0 && count != 0) {
        count /= 10;
    }
    return count == 1;
}

} // namespace stepdown::confine
