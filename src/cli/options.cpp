#include "cli/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <vector>

#include "cli/supervision.hpp"
#include "plan/path.hpp"

namespace stepdown::cli {
namespace {

// ---- values

template <class T> struct Choice {
    std::string_view word;
    T value;
};

template <class T, std::size_t N>
Result<> set_choice(T& target, const Choice<T> (&choices)[N], std::string_view name, std::string_view value,
                    const Source& source) {
    std::string words;
    for (const Choice<T>& choice : choices) {
        if (choice.word == value) {
            target = choice.value;
            return {};
        }
        words.append(words.empty() ? "" : ", ").append(choice.word);
    }
    return refuse(source, name, value, "is not one of " + words);
}

Result<> check_path(std::string_view path, std::string_view name, std::string_view value, const Source& source) {
    if (const std::string_view fault = plan::path_fault(path); !fault.empty()) {
        return refuse(source, name, value, fault);
    }
    return {};
}

// A few fixed words, or else an absolute path.
Result<> set_word_or_path(std::string& target, std::initializer_list<std::string_view> words, std::string_view name,
                          std::string_view value, const Source& source) {
    if (!std::ranges::contains(words, value)) {
        if (value.front() != '/') {
            std::string known;
            for (const std::string_view word : words) {
                known.append(word).append(", ");
            }
            return refuse(source, name, value, "is not one of " + known + "or an absolute path");
        }
        if (auto checked = check_path(value, name, value, source); !checked) {
            return checked;
        }
    }
    target = value;
    return {};
}

// ---- the setters, in the order of the table

Result<> apply_user(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.user_spec = value; // resolved later, when the image's passwd and group files have been read
    return {};
}

Result<> apply_allow_root(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.allow_root, true, "allow-root", value, source);
}

// PATH[:MODE]. After the last colon stands a mode, so a path that has a colon needs one written.
Result<> apply_mkdir(Parsed& parsed, std::string_view value, const Source& source) {
    SetupStep step = {.kind = SetupKind::kMakeDirectory, .path = {}, .mode = {}};
    const std::size_t colon = value.rfind(':');
    const std::string_view path = value.substr(0, colon);
    if (colon != std::string_view::npos) {
        const std::string_view digits = value.substr(colon + 1);
        std::uint32_t mode = 0;
        const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
        if (digits.size() < 3 || digits.size() > 4 || fault != std::errc() || end != digits.data() + digits.size()) {
            return refuse(source, "mkdir", value, "has no mode of three or four octal digits after its last colon");
        }
        step.mode = mode;
    }
    if (auto checked = check_path(path, "mkdir", value, source); !checked) {
        return checked;
    }
    step.path = path;
    parsed.plan.setup.push_back(std::move(step));
    return {};
}

Result<> apply_own(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, "own", value, source); !checked) {
        return checked;
    }
    parsed.plan.setup.push_back({.kind = SetupKind::kOwn, .path = std::string(value), .mode = {}});
    return {};
}

Result<> apply_setup_best_effort(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.setup_best_effort, true, "setup-best-effort", value, source);
}

Result<> apply_seccomp(Parsed& parsed, std::string_view value, const Source& source) {
    return set_word_or_path(parsed.plan.seccomp, {"default", "off"}, "seccomp", value, source);
}

Result<> apply_no_init(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.plan.init, false, "no-init", value, source);
}

Result<> apply_receipt(Parsed& parsed, std::string_view value, const Source& source) {
    return set_word_or_path(parsed.plan.receipt, {"auto", "off"}, "receipt", value, source);
}

Result<> apply_format(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<Format> kFormats[] = {{"text", Format::kText}, {"json", Format::kJson}};
    return set_choice(parsed.format, kFormats, "format", value, source);
}

Result<> apply_check(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.check, true, "check", value, source);
}

Result<> apply_pid(Parsed& parsed, std::string_view value, const Source& source) {
    pid_t pid = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), pid);
    if (fault != std::errc() || end != value.data() + value.size() || pid < 1) {
        return refuse(source, "pid", value, "is not a process id: a decimal number from 1");
    }
    parsed.pid = pid;
    return {};
}

Result<> apply_quiet(Parsed& parsed, std::string_view value, const Source& source) {
    return set_bool(parsed.quiet, true, "quiet", value, source);
}

Result<> apply_log_level(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<LogLevel> kLevels[] = {
        {"error", LogLevel::kError}, {"warn", LogLevel::kWarn}, {"info", LogLevel::kInfo}, {"debug", LogLevel::kDebug}};
    return set_choice(parsed.plan.log_level, kLevels, "log-level", value, source);
}

Result<> apply_log_format(Parsed& parsed, std::string_view value, const Source& source) {
    static constexpr Choice<LogFormat> kFormats[] = {{"text", LogFormat::kText}, {"json", LogFormat::kJson}};
    return set_choice(parsed.plan.log_format, kFormats, "log-format", value, source);
}

// Read before the rows are applied, because the file is one of the sources: see words.cpp.
Result<> apply_config(Parsed&, std::string_view, const Source&) { return {}; }

Result<> apply_help(Parsed& parsed, std::string_view, const Source&) {
    parsed.show = Show::kHelp;
    return {};
}

Result<> apply_version(Parsed& parsed, std::string_view, const Source&) {
    parsed.show = Show::kVersion;
    return {};
}

// ---- the table
// clang-format off
constexpr Option kOptions[] = {
    {"user", 0, Kind::kText, "USER[:GROUP]", "",
     "who the app will be: names from the image's passwd and group files, or numbers; a number without a passwd "
     "entry is its own group, :GROUP keeps the user",
     Stage::kIdentity, kStarts, kEverywhere, apply_user},
    {"allow-root", 0, Kind::kFlag, "", "false",
     "let the app be uid 0 or gid 0, still without any capability",
     Stage::kIdentity, kStarts, kEverywhere, apply_allow_root},

    {"mkdir", 0, Kind::kList, "PATH[:MODE]", "",
     "as root, make this directory and those above it for the app; MODE is octal, 0755 if left out",
     Stage::kSetup, kRunAndPlan, kEverywhere, apply_mkdir},
    {"own", 0, Kind::kList, "PATH", "",
     "as root, give this path and all below it to the app; no link is followed",
     Stage::kSetup, kRunAndPlan, kEverywhere, apply_own},
    {"setup-best-effort", 0, Kind::kFlag, "", "false",
     "go on when root-only work cannot be done, with a warning",
     Stage::kSetup, kRunAndPlan, kEverywhere, apply_setup_best_effort},

    {"seccomp", 0, Kind::kText, "default|off|FILE", "default",
     "the app's system call filter: built in, none, or a profile in Docker's JSON",
     Stage::kConfine, kStarts, kEverywhere, apply_seccomp},

    {"no-init", 0, Kind::kFlag, "", "false",
     "become the app instead of supervising it, for images that have an init",
     Stage::kSupervise, kRunAndPlan, kEverywhere, apply_no_init},

    {"signal", 0, Kind::kList, "FROM=TO|drop", "",
     "send the app signal TO when FROM arrives, or nothing; names, numbers or RTMIN+N",
     Stage::kSupervise, kRunAndPlan, kEverywhere, apply_signal},
    {"signal-group", 0, Kind::kFlag, "", "false",
     "send signals to the app's whole process group",
     Stage::kSupervise, kRunAndPlan, kEverywhere, apply_signal_group},
    {"stop-signal", 0, Kind::kText, "SIG", "",
     "what the app wants to be asked to stop with: TERM is sent on as this",
     Stage::kSupervise, kRunAndPlan, kEverywhere, apply_stop_signal},
    {"grace", 0, Kind::kText, "TIME", "",
     "kill the app this long after the first TERM, INT or QUIT, as 10s or 500ms; left out, that is the engine's to do",
     Stage::kSupervise, kRunAndPlan, kEverywhere, apply_grace},
    {"drain", 0, Kind::kText, "TIME", "5s",
     "when the app has ended, what it left behind gets TERM, and KILL this long after; ends when all are gone",
     Stage::kSupervise, kRunAndPlan, kEverywhere, apply_drain},
    {"exit-status", 0, Kind::kList, "FROM=TO", "",
     "end with TO when the app's status is FROM, as 143=0",
     Stage::kSupervise, kRunAndPlan, kEverywhere, apply_exit_status},

    {"receipt", 0, Kind::kText, "auto|off|FILE", "auto",
     "where the start leaves what it made true, for verify and exec",
     Stage::kReceipt, kEveryCommand, kEverywhere, apply_receipt},

    {"check", 0, Kind::kFlag, "", "false",
     "say nothing unless the plan is bad: for a RUN line in a Dockerfile",
     Stage::kReport, bit(Command::kPlan), kOnCommandLine, apply_check},
    {"format", 0, Kind::kText, "text|json", "text",
     "how to print the plan or the report",
     Stage::kReport, kReports, kOnCommandLine, apply_format},
    {"pid", 0, Kind::kText, "N", "1",
     "judge this process and those below it",
     Stage::kReport, bit(Command::kVerify), kOnCommandLine, apply_pid},
    {"quiet", 'q', Kind::kFlag, "", "false",
     "print nothing, answer by exit status",
     Stage::kReport, bit(Command::kVerify), kOnCommandLine, apply_quiet},

    {"log-level", 0, Kind::kText, "error|warn|info|debug", "warn",
     "how much to tell on standard error; info tells each stage and its cost",
     Stage::kGeneral, kEveryCommand, kEverywhere, apply_log_level},
    {"log-format", 0, Kind::kText, "text|json", "text",
     "how to write it",
     Stage::kGeneral, kEveryCommand, kEverywhere, apply_log_format},
    {"config", 0, Kind::kText, "FILE", "/etc/stepdown.toml",
     "read options from this TOML file; only the default file may be missing",
     Stage::kGeneral, kEveryCommand, kOnCommandLine | kInEnvironment, apply_config},
    {"help", 'h', Kind::kFlag, "", "",
     "print this text",
     Stage::kGeneral, kEveryCommand, kOnCommandLine, apply_help},
    {"version", 'V', Kind::kFlag, "", "",
     "print the version",
     Stage::kGeneral, kEveryCommand, kOnCommandLine, apply_version},
};
// clang-format on
static_assert(std::size(kOptions) <= kMostOptions);

constexpr char upper(char letter) {
    return letter == '-' ? '_' : letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

// Levenshtein distance, one row at a time.
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < left.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < right.size(); ++j) {
            const std::size_t changed = diagonal + (left[i] == right[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

std::span<const Option> options() { return kOptions; }

const Option* find_option(std::string_view name) {
    const auto found = std::ranges::find(kOptions, name, &Option::name);
    return found == std::end(kOptions) ? nullptr : found;
}

const Option* find_option(char letter) {
    const auto found = std::ranges::find(kOptions, letter, &Option::letter);
    return letter == 0 || found == std::end(kOptions) ? nullptr : found;
}

const Option* find_variable(std::string_view variable) {
    if (!variable.starts_with(kVariablePrefix)) {
        return nullptr;
    }
    const std::string_view word = variable.substr(kVariablePrefix.size());
    const auto found = std::ranges::find_if(
        kOptions, [word](const Option& option) { return std::ranges::equal(word, option.name, {}, {}, upper); });
    return found == std::end(kOptions) ? nullptr : found;
}

std::string flag_of(const Option& option) { return std::string("--").append(option.name); }

std::string variable_of(const Option& option) {
    std::string variable(kVariablePrefix);
    std::ranges::transform(option.name, std::back_inserter(variable), upper);
    return variable;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
    constexpr std::size_t kLongestWord = 64; // a longer one is no slip of the finger
    if (word.size() > kLongestWord) {
        return {};
    }
    std::string_view best;
    std::size_t least = (word.size() < 4 ? 1 : std::max<std::size_t>(2, word.size() / 3)) + 1; // two: letters swapped
    for (const std::string_view name : names) {
        if (word.size() >= 2 && name.starts_with(word)) {
            return name;
        }
        if (const std::size_t far = distance(word, name); far < least) {
            least = far;
            best = name;
        }
    }
    return best;
}

std::string_view nearest_option(std::string_view word, unsigned place, unsigned commands) {
    std::vector<std::string_view> names;
    for (const Option& option : kOptions) {
        if ((option.places & place) != 0 && (option.commands & commands) != 0) {
            names.push_back(option.name);
        }
    }
    return nearest(word, names);
}

Result<> set_bool(bool& target, bool when_true, std::string_view name, std::string_view value, const Source& source) {
    if (value == "true" || value == "1" || value == "yes") {
        target = when_true;
    } else if (value == "false" || value == "0" || value == "no") {
        target = !when_true;
    } else {
        return refuse(source, name, value, "is neither true, 1, yes nor false, 0, no");
    }
    return {};
}

std::unexpected<Error> refuse(const Source& source, std::string_view option, std::string_view value,
                              std::string_view why) {
    std::string line(source.where);
    line.append(": ");
    if (source.kind == SourceKind::kFile || source.kind == SourceKind::kReceipt) {
        line.append(option).append(": "); // the place alone does not name it
    }
    return fail(ExitCode::kUsage, line.append("\"").append(value).append("\" ").append(why));
}

} // namespace stepdown::cli
