#include <algorithm>

#include "cli/command_line.hpp"
#include "cli/help.hpp"
#include "generate.hpp"

namespace stepdown::packaging {
namespace {

using cli::Command;
using cli::Kind;
using cli::Option;

// What mdoc(7) would take for an escape, and dashes that must stay dashes when copied.
std::string plain(std::string_view text) {
    std::string out;
    for (const char letter : text) {
        if (letter == '\\') {
            out.append("\\e");
        } else if (letter == '-') {
            out.append("\\-");
        } else {
            out.push_back(letter);
        }
    }
    return out;
}

// Running text: lines below eighty columns, a new one after each sentence, none that begins with a control character.
void append_text(std::string& out, std::string_view text) {
    constexpr std::size_t kColumns = 72;
    std::size_t column = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        std::string word = plain(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const bool breaks = column > 0 && (column + 1 + word.size() > kColumns || out.ends_with('.'));
        if (column > 0) {
            out.append(breaks ? "\n" : " ");
        }
        column = breaks ? 0 : column;
        if (column == 0 && (word.starts_with('.') || word.starts_with('\''))) {
            word.insert(0, "\\&");
        }
        out.append(word);
        column += word.size() + 1;
    }
    out.append("\n");
}

std::string sentence(std::string_view clause) {
    std::string text(clause);
    if (text.front() >= 'a' && text.front() <= 'z') {
        text.front() = static_cast<char>(text.front() - 'a' + 'A');
    }
    return text.append(".");
}

void append_head(std::string& out, std::string_view date, std::string_view title, std::string_view name,
                 std::string_view what) {
    out.append(".Dd ").append(date).append("\n.Dt ").append(title).append("\n.Os\n.Sh NAME\n.Nm ").append(name);
    out.append("\n.Nd ").append(what).append("\n");
}

std::string takers_of(const Option& option) {
    std::string names;
    for (const cli::CommandRow& row : cli::commands()) {
        if ((option.commands & cli::bit(row.command)) != 0) {
            names.append(names.empty() ? "" : ", ").append(row.name);
        }
    }
    return names;
}

bool everybody_takes(const Option& option) {
    return std::ranges::all_of(cli::commands(), [&option](const cli::CommandRow& row) {
        return (option.commands & cli::bit(row.command)) != 0;
    });
}

void append_option(std::string& out, const Option& option) {
    out.append(".It ");
    if (option.letter != 0) {
        out.append("Fl ").append(1, option.letter).append(" , ");
    }
    out.append("Fl Fl ").append(plain(option.name));
    if (!option.placeholder.empty()) {
        out.append(" Ns = Ns Ar ").append(plain(option.placeholder));
    }
    out.append("\n");
    append_text(out, sentence(option.help));
    if (is_list(option.kind)) {
        append_text(out, option.kind == Kind::kWords ? "May be given more than once, or several, separated by commas."
                                                     : "May be given more than once.");
    }
    if (option.kind != Kind::kFlag && !option.fallback.empty()) {
        append_text(out, std::string("The default is ").append(option.fallback).append("."));
    }
    if ((option.places & cli::kInEnvironment) != 0) {
        out.append("Variable:\n.Ev ").append(cli::variable_of(option)).append(" .\n");
    }
    if (!everybody_takes(option)) {
        append_text(out, std::string("Taken by ").append(takers_of(option)).append("."));
    }
}

void append_key(std::string& out, const Option& option) {
    out.append(".It Ic ").append(plain(option.name)).append(" = ");
    if (option.kind == Kind::kFlag) {
        out.append("Cm true | false\n");
    } else {
        const std::string value = plain(option.placeholder);
        out.append(option.kind == Kind::kText ? "Qq Ar " + value : "Bo Qo Ar " + value + " Qc , No ... Bc")
            .append("\n");
    }
    append_text(out, sentence(option.help));
    if (option.kind != Kind::kFlag && !option.fallback.empty()) {
        append_text(out, std::string("The default is ").append(option.fallback).append("."));
    }
}

// The rows that may be written in that place, a subsection a stage.
void append_rows(std::string& out, unsigned place, void (*append)(std::string&, const Option&)) {
    for (const auto& [stage, title] : cli::stages()) {
        bool titled = false;
        for (const Option& option : cli::options()) {
            if (option.stage != stage || (option.places & place) == 0) {
                continue;
            }
            if (!std::exchange(titled, true)) {
                out.append(".Ss ").append(title).append("\n.Bl -tag -width Ds\n");
            }
            append(out, option);
        }
        if (titled) {
            out.append(".El\n");
        }
    }
}

void append_exit_codes(std::string& out, Command command) {
    out.append(".Bl -tag -width \"0-125, 128-255\" -compact\n");
    for (const auto& [code, meaning] : cli::exit_codes(command)) {
        out.append(".It ").append(plain(code)).append("\n");
        append_text(out, sentence(meaning));
    }
    out.append(".El\n");
}

// "stepdown verify [OPTION]...": the name, then the words as they are.
void append_synopsis(std::string& out) {
    out.append(".Sh SYNOPSIS\n");
    for (const cli::CommandRow& row : cli::commands()) {
        const std::string_view usage = cli::usage_of(row.command);
        out.append(".Nm\n").append(plain(usage.substr(usage.find(' ') + 1))).append("\n");
    }
}

constexpr std::string_view kExamples = R"(.Sh EXAMPLES
The end of a Dockerfile, for an image that started as root:
.Bd -literal -offset indent
COPY stepdown /stepdown
ENTRYPOINT ["/stepdown", "\-\-user=app", "\-\-own=/data", "\-\-"]
CMD ["server", "\-\-port=8080"]
.Ed
.Pp
What that start would do, and where each value comes from:
.Dl stepdown plan \-\-user=app \-\-own=/data \-\- server
.Pp
Whether a running container is what its start made of it:
.Dl docker exec CONTAINER /stepdown verify
.Pp
A health check as the app, not as root:
.Dl HEALTHCHECK CMD ["/stepdown", "exec", "\-\-", "curl", "\-f", "http://localhost/"]
)";

} // namespace

std::string manual_of_program(std::string_view date) {
    std::string out;
    append_head(out, date, "STEPDOWN 1", "stepdown", "PID 1 that gives root up for good before the app starts");
    append_synopsis(out);
    out.append(".Sh DESCRIPTION\n");
    append_text(out, cli::kRunStory);
    out.append(".Pp\n");
    append_text(out, cli::kSources);
    out.append(".Sh COMMANDS\n.Bl -tag -width Ds\n");
    for (const cli::CommandRow& row : cli::commands()) {
        out.append(".It Cm ").append(plain(row.name)).append("\n");
        append_text(out, sentence(row.help));
    }
    out.append(".El\n.Pp\n");
    append_text(out, "The first word decides; after \"--\" it is the program to run, whatever its name.");
    out.append(".Sh OPTIONS\n");
    append_rows(out, cli::kOnCommandLine, append_option);
    out.append(".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/stepdown.toml\n");
    append_text(out, "The configuration file.");
    out.append("See\n.Xr stepdown.toml 5 .\n.It Pa /run/stepdown.receipt\n");
    append_text(out, "What a start made true, for verify and exec.");
    out.append(".El\n.Sh EXIT STATUS\n");
    append_exit_codes(out, Command::kRun);
    for (const cli::CommandRow& row : cli::commands()) {
        if (cli::exit_codes(row.command).data() != cli::exit_codes(Command::kRun).data()) {
            out.append(".Pp\nThat of\n.Cm ").append(plain(row.name)).append(" :\n");
            append_exit_codes(out, row.command);
        }
    }
    out.append(kExamples);
    return out.append(".Sh SEE ALSO\n.Xr stepdown.toml 5 ,\n.Xr capabilities 7 ,\n.Xr credentials 7\n");
}

std::string manual_of_file(std::string_view date) {
    std::string out;
    append_head(out, date, "STEPDOWN.TOML 5", "stepdown.toml", "configuration of stepdown");
    out.append(".Sh DESCRIPTION\n");
    append_text(out, "The file is TOML: a line a key, no tables. Each key is the name of an option of\n");
    out.pop_back();
    out.append(".Xr stepdown 1\n");
    append_text(out,
                "without its dashes. An unknown key, a value of another type and an empty value are errors. Keys of "
                "a command other than the one that runs are left alone.");
    out.append(".Pp\n");
    append_text(out, "The file decides who the app will be. One that anybody but root or the user who starts stepdown "
                     "owns, or could write, is refused.");
    out.append(".Pp\n");
    append_text(out, cli::kSources);
    out.append(".Sh KEYS\n");
    append_rows(out, cli::kInFile, append_key);
    out.append(".Sh LOCKS\n");
    append_text(out,
                "A file that has lock fixes what those keys are once it has been read, or their defaults. A file read "
                "after it, a variable or a flag may then repeat or tighten them: a flag that loosens may become "
                "false, a filter that is off may become any, a list may lose items. Anything else is an error that "
                "names file and key. Where /etc/stepdown.toml locks anything, no other file is read instead of it.");
    out.append(".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/stepdown.toml\n");
    append_text(out, "Read first, if it is there.");
    out.append(".It Pa /etc/stepdown.d/*.toml\n");
    append_text(out, "Read after it, in the order of their names, each stronger than those before.");
    out.append(".El\n.Sh EXAMPLES\n.Bd -literal -offset indent\nuser = \"app\"\nown = [\"/data\", \"/var/log/app\"]\n"
               "grace = \"10s\"\n.Ed\n.Sh SEE ALSO\n.Xr stepdown 1\n");
    return out;
}

} // namespace stepdown::packaging
