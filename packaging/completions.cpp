#include <algorithm>

#include "cli/command_line.hpp"
#include "cli/help.hpp"
#include "generate.hpp"

namespace stepdown::packaging {
namespace {

using cli::Command;
using cli::Kind;
using cli::Option;

bool typed_by(const Option& option, Command command) {
    return (option.commands & cli::bit(command)) != 0 && (option.places & cli::kOnCommandLine) != 0;
}

// In single quotes, for all three shells: fish alone gives a backslash a meaning there, and no help text has one.
std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char letter : text) {
        out.append(letter == '\'' ? "'\\''" : std::string(1, letter));
    }
    return out.append("'");
}

std::string joined(const std::vector<std::string_view>& words, std::string_view between) {
    std::string out;
    for (const std::string_view word : words) {
        out.append(out.empty() ? "" : between).append(word);
    }
    return out;
}

std::string command_names(std::string_view between) {
    std::vector<std::string_view> names;
    for (const cli::CommandRow& row : cli::commands()) {
        names.push_back(row.name);
    }
    return joined(names, between);
}

// The parts of bash's that come from no table.
constexpr std::string_view kBashWalk = R"bash(
# Bash breaks --user=app into three words. option: what the word under the cursor is the value of; app: where the app's
# command begins, 0 while options may come.
_stepdown() {
    local cur=${COMP_WORDS[COMP_CWORD]} command=run first=1 option='' app=0 at word
    COMPREPLY=()
    if ((COMP_CWORD > 1)) && [[ " $_stepdown_commands " == *" ${COMP_WORDS[1]} "* ]]; then
        command=${COMP_WORDS[1]}
        first=2
    fi
    for ((at = first; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        option=
        if [[ $word == -- ]]; then
            app=$((at + 1))
            break
        elif [[ $word != -* ]]; then
            app=$at
            break
        elif [[ ${COMP_WORDS[at + 1]} == = ]]; then
            option=$word
            at=$((at + 2))
        elif _stepdown_takes_value "$word"; then
            option=$word
            at=$((at + 1))
        fi
        ((at >= COMP_CWORD)) || option=
    done
    [[ $cur != = ]] || cur=
    if [[ -n $option ]]; then
        _stepdown_values "$option" "$cur"
    elif ((app > 0 && app < COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif ((app == 0)) && [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_stepdown_options "$command")" -- "$cur")
        [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
    else
        mapfile -t COMPREPLY < <(((COMP_CWORD > 1)) || compgen -W "$_stepdown_commands" -- "$cur"; compgen -c -- "$cur")
    fi
}

complete -o default -F _stepdown stepdown
)bash";

std::string bash_options() {
    std::string out = "\n_stepdown_options() {\n    case $1 in\n";
    for (const cli::CommandRow& row : cli::commands()) {
        out.append("    ").append(row.name).append(") echo '");
        for (const Option& option : cli::options()) {
            if (typed_by(option, row.command)) {
                out.append(cli::flag_of(option)).append(option.kind == Kind::kFlag ? " " : "= ");
            }
        }
        out.append("' ;;\n");
    }
    return out.append("    esac\n}\n");
}

std::string bash_values() {
    std::vector<std::string> with_value;
    std::string cases;
    for (const Option& option : cli::options()) {
        if (option.kind == Kind::kFlag || (option.places & cli::kOnCommandLine) == 0) {
            continue;
        }
        std::string flags = cli::flag_of(option);
        if (option.letter != 0) {
            flags.append(" | -").append(1, option.letter);
        }
        const Values values = values_of(option);
        std::string ask;
        if (!values.words.empty()) {
            ask.append("compgen -W '").append(joined(values.words, " ")).append("' -- \"$2\"; ");
        }
        ask.append(values.path ? "compgen -f -- \"$2\"; " : "").append(values.user ? "compgen -u -- \"$2\"; " : "");
        if (!ask.empty()) {
            cases.append("    ").append(flags).append(") mapfile -t COMPREPLY < <(");
            cases.append(ask.substr(0, ask.size() - 2)).append(") ;;\n");
        }
        with_value.push_back(std::move(flags));
    }
    std::string out = "\n_stepdown_takes_value() {\n    case $1 in\n    ";
    for (const std::string& flags : with_value) {
        out.append(&flags == with_value.data() ? "" : " | ").append(flags);
    }
    out.append(") return 0 ;;\n    esac\n    return 1\n}\n\n_stepdown_values() {\n    case $1 in\n");
    return out.append(cases).append("    esac\n}\n");
}

// _arguments' words: colons are its own signs, and brackets around a description.
std::string for_zsh(std::string_view text, bool in_brackets = true) {
    std::string out;
    for (const char letter : text) {
        if (letter == ':' || (in_brackets && (letter == '[' || letter == ']'))) {
            out.push_back('\\');
        }
        out.push_back(letter);
    }
    return out;
}

std::string zsh_values(const Option& option) {
    const Values values = values_of(option);
    if (values.path) {
        return values.words.empty() ? "_files"
                                    : "{_alternative 'w:word:(" + joined(values.words, " ") + ")' 'f:file:_files'}";
    }
    return values.user ? "_users" : values.words.empty() ? " " : "(" + joined(values.words, " ") + ")";
}

void append_zsh_option(std::string& out, const Option& option) {
    std::string spec = is_list(option.kind) ? "*" : "";
    if (option.letter != 0) {
        out.append("      ").append(quoted("-" + std::string(1, option.letter) + "[" + for_zsh(option.help) + "]"));
        out.append("\n");
    }
    spec.append(cli::flag_of(option)).append(option.kind == Kind::kFlag ? "" : "=");
    spec.append("[").append(for_zsh(option.help)).append("]");
    if (option.kind != Kind::kFlag) {
        spec.append(":").append(for_zsh(option.placeholder, false)).append(":").append(zsh_values(option));
    }
    out.append("      ").append(quoted(spec)).append("\n");
}

} // namespace

Values values_of(const Option& option) {
    Values values;
    std::string_view rest = option.placeholder;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('|'), rest.size());
        const std::string_view part = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const bool word = std::ranges::none_of(
            part, [](char letter) { return (letter >= 'A' && letter <= 'Z') || letter == '=' || letter == '['; });
        if (word) {
            values.words.push_back(part);
        }
        values.path |= part.starts_with("PATH") || part.starts_with("FILE") || part.starts_with("DIR");
        values.user |= part.starts_with("USER");
    }
    return values;
}

std::string bash_completion() {
    std::string out = "# shellcheck shell=bash\n# bash completion for stepdown, made from its option table\n\n";
    out.append("_stepdown_commands='").append(command_names(" ")).append("'\n");
    return out.append(bash_options()).append(bash_values()).append(kBashWalk);
}

std::string zsh_completion() {
    std::string out = "#compdef stepdown\n# zsh completion for stepdown, made from its option table\n\n"
                      "_stepdown() {\n  local command=run\n  local -a rows app\n  rows=(\n";
    for (const cli::CommandRow& row : cli::commands()) {
        out.append("    ").append(quoted(std::string(row.name) + ":" + for_zsh(row.help, false))).append("\n");
    }
    out.append("  )\n  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n    _describe command rows\n    "
               "_command_names -e\n    return\n  fi\n"
               "  case $words[2] in\n  ")
        .append(command_names("|"))
        .append(")\n    command=$words[2]\n    shift words\n    (( CURRENT-- ))\n    ;;\n  esac\n  case $command in\n");
    for (const cli::CommandRow& row : cli::commands()) {
        out.append("  ").append(row.name).append(")\n    _arguments -S \\\n");
        std::string rows;
        for (const Option& option : cli::options()) {
            if (typed_by(option, row.command)) {
                append_zsh_option(rows, option);
            }
        }
        if (row.app != cli::CommandRow::App::kNone) {
            rows.append("      '(-)1:command:_command_names -e'\n      '*::argument:_normal'\n");
        }
        for (std::size_t at = rows.find('\n'); at + 1 < rows.size(); at = rows.find('\n', at + 3)) {
            rows.insert(at, " \\");
        }
        out.append(rows).append("    ;;\n");
    }
    return out.append("  esac\n}\n\n_stepdown \"$@\"\n");
}

std::string fish_completion() {
    std::string out = "# fish completion for stepdown, made from its option table\n\n"
                      "# The command whose options are being written; fails once the app's command has begun.\n"
                      "function __stepdown_writes\n    set -l words (commandline -opc)[2..-1]\n    set -l command run\n"
                      "    if contains -- \"$words[1]\" " +
                      command_names(" ") +
                      "\n        set command $words[1]\n        set -e words[1]\n    end\n"
                      "    contains -- -- $words; and return 1\n    contains -- $command $argv\nend\n\n";
    for (const cli::CommandRow& row : cli::commands()) {
        out.append("complete -c stepdown -n __fish_use_subcommand -a ").append(row.name).append(" -d ");
        out.append(quoted(row.help)).append("\n");
    }
    for (const Option& option : cli::options()) {
        if ((option.places & cli::kOnCommandLine) == 0) {
            continue;
        }
        std::string takers;
        for (const cli::CommandRow& row : cli::commands()) {
            if (typed_by(option, row.command)) {
                takers.append(" ").append(row.name);
            }
        }
        out.append("complete -c stepdown -n '__stepdown_writes").append(takers).append("' -l ").append(option.name);
        if (option.letter != 0) {
            out.append(" -s ").append(1, option.letter);
        }
        if (option.kind != Kind::kFlag) {
            const Values values = values_of(option);
            out.append(values.path ? " -r -F" : " -x");
            const std::string words = joined(values.words, " ") + (values.user ? "(__fish_complete_users)" : "");
            out.append(words.empty() ? "" : " -a " + quoted(words));
        }
        out.append(" -d ").append(quoted(option.help)).append("\n");
    }
    return out;
}

} // namespace stepdown::packaging
