"""PID 1's own end, where it may not end others, where others come late, and where it does not know who its app is."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from conftest import PATIENCE, children, pid_1, state, until

USER = ["--user=10001:10001", "--receipt=off", "--log-level=info"]


def finish(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


DEAF = "(trap '' TERM; echo up; while :; do sleep 0.1; done) &"


@pytest.mark.parametrize("as_pid_1", [True, False])
@pytest.mark.parametrize("options,ends", [(["--grace=300ms"], "--grace was over"), (["--watchdog=1s"], "has not said WATCHDOG=1 in time")])
def test_a_daemon_that_is_sought_is_ended_with_all_that_it_may_be(ours, as_pid_1, options, ends):
    """kill(2) takes the number of an app that is not known, 0, for the caller's own process group: who started stepdown would be ended."""
    line = [ours["stepdown"].path, *USER, "--forking", *options, "--drain=1h", "--", "sh", "-c", f"{DEAF} {DEAF} exit 0"]
    words = ["sh", "-c", '"$@" & trap "kill -TERM $!" TERM; wait $!; wait $!; echo survives $?', "sh", *line]
    if as_pid_1:
        words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *line]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert [process.stdout.readline(), process.stdout.readline()] == ["up\n", "up\n"]
    if "--grace=300ms" in options:
        os.kill(pid_1(process) if as_pid_1 else process.pid, signal.SIGTERM)
    code, out, err = finish(process)
    assert (code, out) == ((111, "") if as_pid_1 else (0, "survives 111\n")), err
    assert ends in err and "no process was found" in err, err


@pytest.mark.parametrize("by_hook", [True, False])
def test_pid_1_ends_though_it_may_not_end_all(ours, folder, by_hook):
    """Root's process, as a hook before the drop or docker exec -u root leaves one: the kernel ends it with PID 1."""
    hook = folder / "leaves-one"
    hook.write_text("#!/bin/sh\nsleep 1001 >/dev/null 2>&1 &\n")
    hook.chmod(0o755)
    options = [f"--before-drop={hook}"] if by_hook else []
    process = ours["stepdown"].start(*USER, *options, "--drain=300ms", "--", "sh", "-c", "echo up; exec sleep 1000", as_pid_1=True)
    assert process.stdout.readline() == "up\n"
    pid = pid_1(process)
    if not by_hook:
        subprocess.run(["nsenter", f"--target={pid}", "--pid", "sh", "-c", "sleep 1001 & exit 0"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    until(lambda: len(children(pid)) == 2)
    [left] = [child for child in children(pid) if os.stat(f"/proc/{child}").st_uid == 0]
    os.kill(pid, signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 143 and "SIGKILL did not end" in err and "were killed" not in err, err
    assert state(left) == ""


def test_pid_1_ends_though_it_may_not_end_its_app(ours, folder):
    """As behind sudo(8): it started as PID 1's user."""
    root = folder / "python-of-root"
    shutil.copy(os.path.realpath(sys.executable), root)
    root.chmod(0o4755)
    app = "import os, time; os.setuid(0); print('up', flush=True); time.sleep(1000)"
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "setpriv", "--reuid=10001", "--regid=10001", "--clear-groups",
             ours["tini"].path, "--", str(root), "-c", app]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "STEPDOWN_GRACE": "300ms"})
    assert process.stdout.readline() == "up\n"
    os.kill(pid_1(process), signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 111 and "SIGKILL did not end" in err, err


# Who is asked to end starts one more, which knows nothing of that. Beside it one that has been told as its parent was.
LATE = """
import os, signal, sys, time
def told(*_):
    signal.pthread_sigmask(signal.SIG_BLOCK, {15})  # Python forgets what arrives within its fork
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {15})
        while True: time.sleep(0.05)
    os._exit(0)
def counts(*_):
    os.write(1, b"asked\\n")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, counts)
        parent = os.getppid()
        os.write(1, b"up\\n")
        while os.getppid() == parent: time.sleep(0.01)
        time.sleep(0.5)  # for one more
        os._exit(0)
    signal.signal(signal.SIGTERM, told)
    os.write(1, b"up\\n")
    while True: time.sleep(0.05)
sys.stdin.readline()
os._exit(3)
"""


@pytest.mark.parametrize("as_pid_1", [True, False])
def test_who_comes_while_draining_is_asked_too_and_nobody_twice(ours, as_pid_1):
    process = ours["stepdown"].start(*USER, "--drain=1h", "--", sys.executable, "-c", LATE, as_pid_1=as_pid_1, stdin=-1)
    assert [process.stdout.readline(), process.stdout.readline()] == ["up\n", "up\n"]
    process.stdin.write("\n")
    process.stdin.flush()
    kept, process.stdin = process.stdin, None
    code, out, err = finish(process)
    kept.close()
    assert (code, out) == (3, "asked\n"), err
