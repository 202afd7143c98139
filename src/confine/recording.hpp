#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/seccomp.h>

#include "confine/profile.hpp"
#include "stepdown/error.hpp"

// The calls that an app makes, and a profile that has them and nothing else.
namespace stepdown::confine {

// When a call was made; one bit each.
enum Phase : unsigned {
    kLaunch = 1,  // by stepdown itself, from the filter's load to the app's execve(2)
    kStartup = 2, // by the app, before it served
    kSteady = 4,
};

// What was seen of one call: with these arguments, where a rule can be about them, it was let through or refused.
struct Recorded {
    std::string name;
    std::vector<Condition> conditions; // kEqual and kMaskedEqual only
    int error = 0;                     // 0: let through
    unsigned phases = 0;

    bool operator==(const Recorded&) const = default;
};

struct Records {
    std::vector<Recorded> calls;
    std::vector<Architecture> architectures;
    std::vector<std::string> doubtful; // calls both let through and refused, whose arguments no rule tells apart
};

// Notes calls as they come. Memory is allocated by the constructor alone.
class Recording {
  public:
    static constexpr std::size_t kMost = 4096; // different ones

    Recording();
    void note(const seccomp_data& call, int error, Phase phase) noexcept;
    std::uint64_t lost() const noexcept { return lost_; } // different ones that there was no room for; counted again
    Records records() const;

  private:
    struct Seen {
        std::uint32_t audit;
        std::int32_t number;
        int error;
        std::array<std::uint64_t, 6> args; // what is noted of them
        unsigned noted;                    // of which; one bit each
        unsigned phases;
    };
    using Key = std::pair<std::uint32_t, std::int32_t>;

    std::map<Key, std::string> names_;
    std::vector<Seen> seen_;
    std::uint64_t lost_ = 0;
};

// The profile as Docker, runtimes and stepdown read it: what was let through is allowed, what was refused is refused as
// it was, all else gets ENOSYS. Beside what is in records it always allows what a start needs between the filter and
// the app, and the ends that no program may be without. Comments tell the phases.
std::string profile_text(const Records& records);

// Makes a profile of them that the kernel takes as one filter: while it is too long, the call with the most rules about
// its arguments is allowed with all of them. The names of such calls, and what is to be said of one.
std::vector<std::string> fit(Records& records);
std::string widened_line(std::string_view name);

// The way back, of a profile that profile_text() wrote on a machine of this kind. Errors: kUsage.
Result<Records> read_records(std::string_view profile);

} // namespace stepdown::confine
