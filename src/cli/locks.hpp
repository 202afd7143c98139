#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/given.hpp"

namespace stepdown::cli {

// Keys that are locked with this one, since they can loosen the same, separated by blanks: "user-from user-env". The
// key itself may be among them.
std::string locked_with(std::string_view key);

// A base image's floor. A file that has lock = ["KEY", ...] fixes what those keys are when it has been read; and
// those that can loosen the same (locked_with). Each source after it may make them stricter
// (Option::loosest_first), and is refused where it would not.
class Locks {
  public:
    // The sources in the order of their strength, weakest first; rows of other commands are left alone.
    Result<> pass(const std::vector<Given>& source, unsigned commands);

  private:
    struct Floor {
        const Option* option;
        std::vector<std::string> values; // empty: none written, and no default
        std::string where;               // the line of the file that locks
        std::string_view key;            // that is written there: the option itself, or one that locks it too
    };

    static Result<> check(const Floor& floor, std::span<const Given* const> given);
    void lock(const Option& option, std::string_view key, const std::string& where);

    std::vector<Floor> floors_;
    std::vector<const std::vector<Given>*> passed_; // weakest first
};

} // namespace stepdown::cli
