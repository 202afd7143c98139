#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "stepdown/confinement.hpp"
#include "stepdown/process.hpp"
#include "stepdown/setup_step.hpp"
#include "stepdown/supervision.hpp"

namespace stepdown {

// Where a value came from, weakest first: a later kind overrides an earlier one.
enum class SourceKind { kDefault, kFile, kEnvironment, kReceipt, kFlag };

struct Source {
    SourceKind kind = SourceKind::kDefault;
    std::string where; // "--user", "STEPDOWN_USER", "/etc/stepdown.toml:3", the receipt's path; empty for a default

    bool operator==(const Source&) const = default;
};

// One value as the user wrote it, under the option's canonical name (its flag without the dashes). A repeatable option
// has one Setting a value, in order.
struct Setting {
    std::string name;
    std::string value;
    Source source;

    bool operator==(const Setting&) const = default;
};

// Who the app will be. Names are empty when no account has the id; home is "/" then.
struct Identity {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string user_name;
    std::string home = "/";
    std::string shell = "/bin/sh";

    bool operator==(const Identity&) const = default;
};

enum class LogLevel { kError, kWarn, kInfo, kDebug };
enum class LogFormat { kText, kJson };

// What is to be true: pure data, made by cli/ from words, completed by plan/ (identity), printed by render/, carried
// out by the stage rooms. The typed fields are what the stages read; settings says where each came from.
struct Plan {
    std::vector<std::string> command; // argv of the app; never empty in a Plan that runs

    std::string user_spec;            // as written: user[:group] or :group; empty: none named
    std::optional<Identity> identity; // resolved from user_spec; empty: keep the ids the process was started with
    bool allow_root = false;
    // A peer's name and command line that nobody asked for a drop: the app keeps all that the start has, but for the
    // ids if a user is named.
    bool as_is = false;
    bool callers_gid = false;            // a number without an account keeps the caller's gid, as gosu has it
    std::string user_from;               // whose owner the app becomes; empty: not asked for
    std::string user_variables;          // "PUID:PGID": the variables with the ids; likewise
    Groups groups;                       // supplementary
    std::uint64_t kept_capabilities = 0; // for the app, by the ambient set; one bit each
    std::string account_name;            // for a uid that has no passwd entry: the name of the one to add
    Process process;
    EnvironmentRules environment;

    std::vector<SetupStep> setup;
    std::vector<std::string> setup_files; // patterns, to be read before the start: their lines go before setup's
    bool setup_best_effort = false;
    OwnRules own;
    std::vector<ListenSocket> sockets;
    std::vector<Secret> secrets;
    std::string secrets_directory = "/run/stepdown/secrets";
    Hooks hooks;
    std::vector<WaitFor> wait_for;
    std::chrono::milliseconds wait_timeout{60'000};

    Seccomp seccomp;
    Landlock landlock;
    std::string emulate_root = "off"; // "off", "ids", "full", with ",-item" behind it for what is taken out
    bool emulate_owners = false;      // with "full": chown is remembered, stat answers with it

    bool init = true; // false: exec in place, nothing to supervise
    Supervision supervision;

    LogLevel log_level = LogLevel::kWarn;
    LogFormat log_format = LogFormat::kText;
    std::string receipt = "auto"; // "auto", "off", or a path

    std::vector<Setting> settings; // only what was written somewhere; defaults are the option table's
    std::vector<std::string> warnings;

    bool operator==(const Plan&) const = default;
};

} // namespace stepdown
