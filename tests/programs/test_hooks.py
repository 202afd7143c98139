"""Hooks of the app's own, where stepdown is PID 1: what one of them does to the start."""

import os
import signal
import subprocess
import sys

from conftest import PATIENCE, pid_1

USER = ["--user=10001:10001", "--receipt=off"]


def test_a_stop_ends_a_hook_and_the_start(ours):
    process = ours["stepdown"].start(*USER, "--before-start=echo up; exec sleep 1000", "--", "echo", "ran", as_pid_1=True)
    assert process.stdout.readline() == "up\n"
    os.kill(pid_1(process), signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (101, "")
    assert err == 'stepdown: error: the hook "echo up; exec sleep 1000" was ended: the container is to stop\n'


def test_what_a_late_hook_leaves_behind_does_not_outlive_it(ours):
    ended = ours["stepdown"].run(*USER, "--hook-timeout=200ms", "--before-start=sleep 1000 & wait", "--", "echo", "ran", as_pid_1=True)
    assert (ended.code, ended.out) == (101, "") and "was not done in time: killed" in ended.err, ended


def test_the_apps_own_refusal_is_as_without_a_hook(ours):
    lines = [ours["stepdown"].run(*USER, *hook, "--", "/nope", as_pid_1=True) for hook in ([], ["--before-start=true"])]
    assert lines[0] == lines[1] and lines[0].code == 127, lines


def test_the_app_is_warned_about_as_without_a_hook(ours, folder):
    program = folder / "with-capabilities"
    program.write_bytes((folder / "supervised").read_bytes())
    program.chmod(0o755)
    subprocess.run(["setcap", "cap_net_admin+ep", program], check=True)
    ended = ours["stepdown"].run(*USER, "--before-start=true", "--", program, as_pid_1=True)
    assert f"{program} has file capabilities" in ended.err, ended


def test_a_scripts_interpreter_is_warned_about(ours, folder):
    interpreter, script = folder / "interpreter", folder / "script"
    interpreter.write_bytes((folder / "supervised").read_bytes())
    script.write_text(f"#!{interpreter}\n")
    for path in (interpreter, script):
        path.chmod(0o755)
    subprocess.run(["setcap", "cap_net_admin+ep", interpreter], check=True)
    ended = ours["stepdown"].run(*USER, "--", script, as_pid_1=True)
    assert f"{script}: its interpreter {interpreter} has file capabilities" in ended.err, ended


def test_a_hook_has_the_terminals_group_and_the_apps_input(ours):
    """As the app would: a job that is not the terminal's is stopped when it reads."""
    process = ours["stepdown"].start(*USER, "--before-start=read line; echo got $line", "--", sys.executable, "-c",
                                     "import os; print(os.getpgrp() == os.getpid())", as_pid_1=True, stdin=-1)
    out, _ = process.communicate("word\n", timeout=PATIENCE)
    assert out == "got word\nTrue\n"
