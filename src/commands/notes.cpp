#include <cstring>

#include <sys/wait.h>

#include "commands/line.hpp"
#include "commands/notes.hpp"
#include "plan/signal_names.hpp"

namespace stepdown::commands {
namespace {

using supervise::Note;

void append_end(Line& line, const Note& note) {
    if (WIFSIGNALED(note.status)) {
        line.append("signal={}", plan::signal_name(WTERMSIG(note.status)));
    } else {
        line.append("status={}", WEXITSTATUS(note.status));
    }
}

LogLevel append_note(Line& line, const Note& note) {
    switch (note.kind) {
    case Note::Kind::kForwarded:
        line.append("Received SIG{} from pid {}, sent on as SIG{}", plan::signal_name(note.from), note.pid,
                    plan::signal_name(note.to));
        return LogLevel::kDebug;
    case Note::Kind::kDropped:
        line.append("Received SIG{}, not sent on", plan::signal_name(note.from));
        return LogLevel::kDebug;
    case Note::Kind::kHeld:
        line.append("Received SIG{}, sent on when --stop-delay is over", plan::signal_name(note.from));
        return LogLevel::kInfo;
    case Note::Kind::kForwardFailed:
        line.append("SIG{} could not be sent on to the app: {} (kill)", plan::signal_name(note.from),
                    std::strerror(note.error));
        return LogLevel::kWarn;
    case Note::Kind::kChildSignal:
        line.append("Received SIGCHLD");
        return LogLevel::kDebug;
    case Note::Kind::kAppEnded:
        line.append("the app, pid={}, ended with ", note.pid);
        append_end(line, note);
        return LogLevel::kDebug;
    case Note::Kind::kOrphanEnded:
        line.append("Reaped zombie process with pid={} name={} ", note.pid, *note.name == '\0' ? "?" : note.name);
        append_end(line, note);
        return LogLevel::kWarn;
    case Note::Kind::kAppMoved:
        line.append("the app goes on as pid {}", note.pid);
        return LogLevel::kInfo;
    case Note::Kind::kReady:
        line.append("the app is ready");
        return LogLevel::kInfo;
    case Note::Kind::kWatchdogOver:
        line.append("the app has not said WATCHDOG=1 in time: sent SIG{}", plan::signal_name(note.to));
        return LogLevel::kWarn;
    }
    return LogLevel::kDebug;
}

void tell(void* context, const Note& note) noexcept {
    Line line;
    const LogLevel level = append_note(line, note);
    static_cast<const Log*>(context)->plain(level, line.view());
}

} // namespace

supervise::Listener notes_to(const Log& log) {
    return {.tell = tell, .context = const_cast<Log*>(&log), .every = log.shows(LogLevel::kDebug)};
}

} // namespace stepdown::commands
