#include "cli/options.hpp"
#include "cli/setters.hpp"

namespace stepdown::cli {
namespace {

// clang-format off
constexpr Option kOptions[] = {
    {"user", 0, Kind::kText, "USER[:GROUP]", "",
     "who the app will be: names from the image's passwd and group files, or numbers; a number without a passwd "
     "entry is its own group, :GROUP keeps the user",
     Stage::kIdentity, kStarts, kEverywhere, apply_user},
    {"allow-root", 0, Kind::kFlag, "", "false",
     "let the app be uid 0 or gid 0, still without any capability",
     Stage::kIdentity, kStarts, kEverywhere, apply_allow_root, "true false"},

    {"mkdir", 0, Kind::kList, "PATH[:MODE]", "",
     "as root, make this directory and those above it for the app; MODE is octal; left out, a new one gets 0755 and "
     "one that exists keeps its own",
     Stage::kSetup, kRunAndPlan, kEverywhere, apply_mkdir},
    {"own", 0, Kind::kList, "PATH", "",
     "as root, give this path and all below it to the app; no link is followed",
     Stage::kSetup, kRunAndPlan, kEverywhere, apply_own},
    {"setup-best-effort", 0, Kind::kFlag, "", "false",
     "go on when root-only work cannot be done, with a warning",
     Stage::kSetup, kRunAndPlan, kEverywhere, apply_setup_best_effort, "true false"},

    {"seccomp", 0, Kind::kText, "default|strict|off|FILE", "default",
     "the app's system call filter: built in, none, or a profile in Docker's JSON, compiled or not",
     Stage::kConfine, kStarts, kEverywhere, apply_seccomp, "off default strict"},
    {"emulate-root", 0, Kind::kText, "off|ids|full[,-ITEM]...", "off",
     "tell the app that it is root and that its steps down succeed, and grant nothing: ids has fixed answers, full has "
     "PID 1 answer what root would be told; ITEM is left to the kernel",
     Stage::kConfine, kStarts, kEverywhere, apply_emulate_root},

    {"seccomp-allow", 0, Kind::kList, "@GROUP|CALL[:ARG]...", "",
     "let a built-in filter allow these too, as @ptrace or socket:AF_VSOCK",
     Stage::kConfine, kStarts | bit(Command::kProfile), kEverywhere, apply_seccomp_allow},
    {"seccomp-deny", 0, Kind::kList, "@GROUP|CALL[:ARG]...", "",
     "let a built-in filter refuse these too; stronger than allowing them",
     Stage::kConfine, kStarts | bit(Command::kProfile), kEverywhere, apply_seccomp_deny},
    {"seccomp-lenient", 0, Kind::kFlag, "", "false",
     "read a profile as other runtimes do: pass over names that no kernel has, unknown keys and errnos without use; "
     "each is a warning",
     Stage::kConfine, kStarts | bit(Command::kProfile), kEverywhere, apply_seccomp_lenient},

    {"rootfs", 0, Kind::kText, "ro|rw", "rw",
     "ro: the app may write only to what --mkdir and --own name, /tmp, /var/tmp, /dev/shm and the usual devices "
     "(Landlock)",
     Stage::kConfine, kStarts, kEverywhere, apply_rootfs},
    {"ro", 0, Kind::kList, "PATH", "",
     "let the app read this and all below it, and nothing else of files but what --ro, --rw and --exec name (Landlock)",
     Stage::kConfine, kStarts, kEverywhere, apply_ro},
    {"rw", 0, Kind::kList, "PATH", "",
     "let it read and write this and all below it (Landlock)",
     Stage::kConfine, kStarts, kEverywhere, apply_rw},
    {"exec", 0, Kind::kList, "PATH", "",
     "let it read and execute this and all below it (Landlock)",
     Stage::kConfine, kStarts, kEverywhere, apply_exec},
    {"connect", 0, Kind::kList, "PORT", "",
     "let it connect to this TCP port and no other (Landlock)",
     Stage::kConfine, kStarts, kEverywhere, apply_connect},
    {"bind", 0, Kind::kList, "PORT", "",
     "let it listen on this TCP port and no other (Landlock)",
     Stage::kConfine, kStarts, kEverywhere, apply_bind},
    {"scope", 0, Kind::kList, "abstract|signals", "",
     "keep it from abstract sockets of, or signals to, processes that it did not start (Landlock)",
     Stage::kConfine, kStarts, kEverywhere, apply_scope},
    {"landlock", 0, Kind::kText, "auto|require|off", "auto",
     "what the kernel's Landlock cannot do is left out with a warning, or ends the start; off: use none of it",
     Stage::kConfine, kStarts, kEverywhere, apply_landlock},

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
     Stage::kReceipt, kWithReceipt, kEverywhere, apply_receipt, "off auto"},

    {"check", 0, Kind::kFlag, "", "false",
     "say nothing unless the plan is bad: for a RUN line in a Dockerfile",
     Stage::kReport, bit(Command::kPlan), kOnCommandLine, apply_check},
    {"format", 0, Kind::kText, "text|json", "text",
     "how to print the plan or the report",
     Stage::kReport, kReports, kOnCommandLine, apply_format},
    {"output", 'o', Kind::kText, "FILE", "",
     "where to write the compiled filter",
     Stage::kReport, bit(Command::kProfile), kOnCommandLine, apply_output},
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
    {"lock", 0, Kind::kList, "KEY", "",
     "no later source may loosen this key: a file read after this one, a variable, a flag",
     Stage::kGeneral, kEveryCommand, kInFile, apply_lock},
    {"help", 'h', Kind::kFlag, "", "",
     "print this text",
     Stage::kGeneral, kEveryCommand, kOnCommandLine, apply_help},
    {"version", 'V', Kind::kFlag, "", "",
     "print the version",
     Stage::kGeneral, kEveryCommand, kOnCommandLine, apply_version},
};
// clang-format on
static_assert(std::size(kOptions) <= kMostOptions);

} // namespace

std::span<const Option> options() { return kOptions; }

} // namespace stepdown::cli
