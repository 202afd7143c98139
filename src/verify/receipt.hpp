#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "stepdown/error.hpp"
#include "stepdown/facts.hpp"
#include "stepdown/plan.hpp"

namespace stepdown::verify {

// A filter as a receipt names it.
struct FilterMark {
    std::string name;   // "default", or the profile's path
    std::string sha256; // of the loaded program's bytes; 64 lower case hexadecimal digits

    bool operator==(const FilterMark&) const = default;
};

// What the start leaves for later checks: who it meant the app to be, written before it could no longer write as root.
//
// As text it speaks the words of /proc/PID/status, so that read_status() reads both and diff(1) compares them, plus
// lines of its own. Format (schema 1): first line "Stepdown:\t1"; a line is "Key:\tvalue"; Pid, Init and Filter must be
// there; no key but Option twice; unknown keys are skipped, a higher schema is refused.
struct Receipt {
    pid_t pid = 1;                          // stepdown, or the app itself where there is no init
    bool init = true;                       // pid is stepdown, the app is below it
    bool allow_root = false;                // the user wrote that root is meant
    std::string plan;                       // SHA-256 of the Plan; empty: not given
    Facts wanted;                           // of the app; PID 1 is no more than it
    std::optional<unsigned> filters_before; // seccomp filters there were without ours
    std::optional<FilterMark> filter;       // the app's; empty: seccomp off
    std::optional<FilterMark> emulation;    // of root, for the app: its name tells the level; empty: none
    std::string pid1_filter;                // SHA-256; empty: none
    std::string heard_for;                  // why PID 1 hears of calls: report, learn, record; empty: it does not
    std::vector<Setting> settings;          // the Plan's, for `stepdown exec`; read back with SourceKind::kReceipt

    bool operator==(const Receipt&) const = default;
};

std::string write_receipt(const Receipt& receipt);

// Errors (ExitCode::kVerify) name the line. Anything a writer of ours does not write is one.
Result<Receipt> parse_receipt(std::string_view text);

} // namespace stepdown::verify
