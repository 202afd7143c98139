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
     Stage::kIdentity, kStarts, kEverywhere, apply_allow_root},

    {"mkdir", 0, Kind::kList, "PATH[:MODE]", "",
     "as root, make this directory and those above it for the app; MODE is octal; left out, a new one gets 0755 and "
     "one that exists keeps its own",
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
    {"format", 0, Kind::kText, "FORMAT", "text",
     "how to print the plan or the report: text or json; a report also as ndjson, junit, tap, sarif, prometheus, "
     "nagios or silent",
     Stage::kReport, kReports, kOnCommandLine, apply_format},
    {"root", 0, Kind::kText, "DIR", "/",
     "where the image's files are",
     Stage::kReport, bit(Command::kCheckImage), kOnCommandLine, apply_root},
    {"output", 0, Kind::kText, "FILE", "",
     "write the report there instead, at once and whole",
     Stage::kReport, kJudges, kOnCommandLine, apply_output},
    {"fail-on", 0, Kind::kText, "SEVERITY", "low",
     "what counts: findings of this severity and above; info, low, medium, high or critical",
     Stage::kReport, kJudges, kOnCommandLine, apply_fail_on},
    {"report-only", 0, Kind::kFlag, "", "false",
     "exit 0 whatever was found",
     Stage::kReport, kJudges, kOnCommandLine, apply_report_only},
    {"quiet", 'q', Kind::kFlag, "", "false",
     "print nothing, answer by exit status",
     Stage::kReport, kJudges, kOnCommandLine, apply_quiet},
    {"policy", 0, Kind::kText, "NAME", "",
     "what must hold besides the receipt: restricted, baseline, or a TOML file",
     Stage::kReceipt, bit(Command::kVerify), kOnCommandLine, apply_policy},
    {"files", 0, Kind::kFlag, "", "false",
     "look for setuid, setgid and capability files too",
     Stage::kReceipt, bit(Command::kVerify), kOnCommandLine, apply_files},
    {"probe", 0, Kind::kFlag, "", "false",
     "try from inside what the app could do, in a child that has its exact state",
     Stage::kReceipt, bit(Command::kVerify), kOnCommandLine, apply_probe},
    {"self", 0, Kind::kFlag, "", "false",
     "judge this process alone: what whoever starts it would get",
     Stage::kReceipt, bit(Command::kVerify), kOnCommandLine, apply_self},
    {"file", 0, Kind::kText, "FILE", "",
     "judge a copy of a /proc/PID/status; - is standard input",
     Stage::kReceipt, bit(Command::kVerify), kOnCommandLine, apply_status_file},
    {"proc", 0, Kind::kText, "DIR", "/proc",
     "where proc(5) is mounted, as a node's is in an agent",
     Stage::kReceipt, bit(Command::kVerify), kOnCommandLine, apply_proc},
    {"group-by", 0, Kind::kText, "container", "",
     "judge every container of the node whose /proc that is",
     Stage::kReceipt, bit(Command::kVerify), kOnCommandLine, apply_group_by},
    {"pid", 0, Kind::kText, "N", "1",
     "judge this process alone, whatever its descent",
     Stage::kReport, bit(Command::kVerify), kOnCommandLine, apply_pid},

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

} // namespace

std::span<const Option> options() { return kOptions; }

} // namespace stepdown::cli
