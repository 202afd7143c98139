"""The manual pages and completions, against what --help of the same build says: no option is missing from any, and each
reader finds no fault with its file. STEPDOWN_GENERATED names their folder, STEPDOWN_BINARY the program."""

import os
import pathlib
import re
import subprocess

import pytest

GENERATED = pathlib.Path(os.environ["STEPDOWN_GENERATED"])
BINARY = os.environ["STEPDOWN_BINARY"]


def output_of(*argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, check=True, **options).stdout


def help_of(command):
    return output_of(BINARY, command, "--help")


COMMANDS = re.findall(r"^  ([a-z][a-z-]*) ", help_of("run").split("\nCommands:\n")[1].split("\n\n")[0], flags=re.M)
FLAGS = {command: set(re.findall(r"^  (?:-\w, )?--([a-z][a-z-]*)", help_of(command), flags=re.M)) for command in COMMANDS}


def text_of(name):
    return (GENERATED / name).read_text()


def plain_page(name):
    """As a terminal without bold shows it: a struck-over letter is one letter."""
    shown = output_of("mandoc", "-Tascii", str(GENERATED / name))
    return re.sub(r".\x08", "", shown)


def test_help_was_understood():
    assert {"run", "exec", "plan", "verify"} <= set(COMMANDS)
    assert {"user", "own", "seccomp", "help"} <= FLAGS["run"] and {"pid", "quiet"} <= FLAGS["verify"]


# --- manual pages


@pytest.mark.parametrize("name", ["stepdown.1", "stepdown.toml.5"])
def test_the_page_is_clean(name):
    # In the pages' folder, where mandoc finds what one says of the other.
    shown = subprocess.run(["mandoc", "-Tlint", name], cwd=GENERATED, capture_output=True, text=True)
    said = [line for line in (shown.stdout + shown.stderr).splitlines() if "mandoc.db" not in line]
    assert not said, said


def test_the_programs_page_has_every_command_and_option():
    text = plain_page("stepdown.1")
    for command in COMMANDS:
        assert re.search(rf"^     {command}\b", text, flags=re.M), command
        for flag in FLAGS[command]:
            assert re.search(rf"^ +(-\w, )?--{flag}(=|\s|$)", text, flags=re.M), (command, flag)


def test_the_programs_page_has_every_exit_status_of_help():
    text = plain_page("stepdown.1")
    for command in COMMANDS:
        rows = re.findall(r"^  (\d[\d, -]*?) {2,}", help_of(command).split("Exit status:\n")[1], flags=re.M)
        assert len(rows) >= 2
        for code in rows:
            assert re.search(rf"^ +{code}\b", text, flags=re.M), (command, code)


def test_the_files_page_has_every_option_that_has_a_variable_but_the_files_own():
    """A key and a variable are the same options, but for the file's name itself."""
    text = plain_page("stepdown.toml.5")
    variables = set(re.findall(r"STEPDOWN_([A-Z_]+)", "".join(help_of(command) for command in COMMANDS)))
    for variable in variables - {"CONFIG"}:
        key = variable.lower().replace("_", "-")
        assert re.search(rf"^ +{key} = ", text, flags=re.M), key
    assert not re.search(r"^ +config = ", text, flags=re.M)


def test_the_docs_speak_of_every_option():
    pages = pathlib.Path(__file__).resolve().parents[2].glob("docs/**/*.md")
    text = "\n".join(page.read_text() for page in pages)
    for flag in set().union(*FLAGS.values()) - {"help", "version"}:
        assert re.search(rf"--{flag}\b", text), flag


# --- completions


@pytest.mark.parametrize("shell, name", [("bash", "stepdown.bash"), ("zsh", "_stepdown"), ("fish", "stepdown.fish")])
def test_the_shell_finds_no_fault(shell, name):
    done = subprocess.run([shell, "-n", GENERATED / name], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


@pytest.mark.parametrize("name, form", [("stepdown.bash", r"--{}\b"), ("_stepdown", r"--{}\b"), ("stepdown.fish", r"-l {}\b")])
def test_the_completion_has_every_command_and_option(name, form):
    text = text_of(name)
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", text), command
        for flag in FLAGS[command]:
            assert re.search(form.format(flag), text), (command, flag)


def test_shellcheck_finds_no_fault():
    done = subprocess.run(["shellcheck", GENERATED / "stepdown.bash"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def complete_in_bash(*words):
    """What Tab would offer at the end of the last word. readline breaks words at '=', and so do we."""
    broken = [part for word in words for part in re.split(r"(=)", word) if part] + ([""] if words[-1] == "" else [])
    quoted = " ".join("'" + word + "'" for word in broken)
    script = f"""
        . {GENERATED}/stepdown.bash
        COMP_WORDS=({quoted})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _stepdown
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return output_of("bash", "--norc", "-c", script).split()


def test_bash_completes_flags_of_the_command_at_hand():
    assert complete_in_bash("stepdown", "--allow-") == ["--allow-root"]
    assert complete_in_bash("stepdown", "verify", "--pi") == ["--pid="]
    assert complete_in_bash("stepdown", "--qui") == []
    for command in COMMANDS:
        offered = {word.rstrip("=") for word in complete_in_bash("stepdown", command, "--")}
        assert offered == {f"--{flag}" for flag in FLAGS[command]}, command


def test_bash_completes_commands_and_then_programs():
    assert set(COMMANDS) <= set(complete_in_bash("stepdown", ""))
    assert "verify" in complete_in_bash("stepdown", "ver")
    assert "mkdir" in complete_in_bash("stepdown", "--allow-root", "mkdi")
    assert "mkdir" in complete_in_bash("stepdown", "run", "--user=root", "--", "mkdi")


def test_bash_completes_values():
    assert complete_in_bash("stepdown", "--log-level=")[:2] == ["error", "warn"]
    assert complete_in_bash("stepdown", "--log-level=in") == ["info"]
    assert complete_in_bash("stepdown", "--log-level", "in") == ["info"]
    assert complete_in_bash("stepdown", "--seccomp=de") == ["default"]
    assert "root" in complete_in_bash("stepdown", "--user=roo")
    assert "/etc/passwd" in complete_in_bash("stepdown", "--own=/etc/passw")


def test_bash_completes_no_option_of_ours_in_the_apps_words():
    assert not [word for word in complete_in_bash("stepdown", "--", "ls", "--us") if word.startswith("--user")]


def complete_in_fish(line):
    script = f"complete -e -c stepdown; source {GENERATED}/stepdown.fish; complete --do-complete '{line}'"
    home = {"HOME": "/nonexistent", "PATH": os.environ["PATH"]}
    return [row.split("\t")[0] for row in output_of("fish", "--no-config", "-c", script, env=home).splitlines()]


def test_fish_completes_flags_and_values():
    assert "--user=" in complete_in_fish("stepdown --us") or "--user" in complete_in_fish("stepdown --us")
    assert "--log-level=info" in complete_in_fish("stepdown --log-level=")
    assert not [word for word in complete_in_fish("stepdown --qui") if word.startswith("--quiet")]
    assert [word for word in complete_in_fish("stepdown verify --qui") if word.startswith("--quiet")]
    assert "verify" in complete_in_fish("stepdown ver")
