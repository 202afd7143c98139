#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stepdown {

// The system call filter as it was asked for; see docs/seccomp.md.
struct Seccomp {
    std::string profile = "default"; // "default", "strict", "off", or the path of a profile or compiled filter
    bool lenient = false;            // read a profile of one's own as other runtimes do
    std::vector<std::string> allow;  // changes to a built-in profile: @GROUP, CALL or CALL:ARG...
    std::vector<std::string> deny;   // the same; stronger than allow
    bool report = false;             // PID 1 tells what the filter denies
    bool learn = false;              // and has the kernel do it all the same
    std::string record;              // path of the profile that the app's calls are written to; empty: none
    std::chrono::milliseconds startup{10'000}; // record: how long the start lasts where the app does not say --ready

    // Whether PID 1 hears of calls from the filter itself.
    bool listens() const { return report || learn || !record.empty(); }

    bool operator==(const Seccomp&) const = default;
};

// What Landlock lets the app do with a path and all below it. Writing and executing include reading.
enum class FileGrantKind { kRead, kWrite, kExecute };

// "ro", "rw", "exec": the option's word.
constexpr std::string_view word_of(FileGrantKind kind) {
    return kind == FileGrantKind::kRead ? "ro" : kind == FileGrantKind::kWrite ? "rw" : "exec";
}

struct FileGrant {
    FileGrantKind kind = FileGrantKind::kRead;
    std::string path; // absolute

    bool operator==(const FileGrant&) const = default;
};

enum class LandlockMode {
    kBestEffort, // what the kernel cannot do is left out, with a warning
    kRequire,    // what the kernel cannot do ends the start
    kOff,
};

// landlock(7): what the app may reach of files, TCP ports and other processes. Nothing is asked for by default; a kind
// of access that nobody grants is not restricted.
struct Landlock {
    LandlockMode mode = LandlockMode::kBestEffort;
    bool read_only_root = false; // all may be read and executed, little be written
    std::vector<FileGrant> files;
    std::vector<std::uint16_t> connect;  // TCP ports
    std::vector<std::uint16_t> bind;     // likewise
    bool scope_abstract_sockets = false; // no abstract UNIX socket of a process outside
    bool scope_signals = false;          // no signal to a process outside

    bool restricts_files() const { return read_only_root || !files.empty(); }
    bool restricts_anything() const {
        return mode != LandlockMode::kOff &&
               (restricts_files() || !connect.empty() || !bind.empty() || scope_abstract_sockets || scope_signals);
    }

    bool operator==(const Landlock&) const = default;
};

} // namespace stepdown
