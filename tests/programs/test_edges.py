"""PID 1 where little is left: no room for a process, a tracer in the way, a parent that goes, a core, no memory."""

import os
import resource
import signal
import subprocess
import sys
import time

from conftest import PATIENCE, children, pid_1, state, until

USER = ["--user=10001:10001", "--receipt=off"]


def test_no_room_for_the_apps_process_is_a_clear_error(ours):
    """Of uid 10001 there may be no second process: fork(2) answers EAGAIN."""
    ended = ours["stepdown"].run(*USER, "--rlimit=nproc=0", "--", "true", as_pid_1=True)
    assert ended.code == 111 and "cannot start a process for the app" in ended.err and "pids limit" in ended.err, ended
    assert ended.err.count("\n") == 1


def test_an_orphan_that_is_traced_is_reaped_once_its_tracer_is_gone(ours):
    """A traced process that has ended stays its tracer's until that one has ended too."""
    script = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
traced, tracer = os.fork(), 0
if traced == 0:
    orphan = os.fork()
    if orphan == 0:
        while True: time.sleep(0.05)
    print(orphan, flush=True)
    os._exit(0)
os.wait()
tracer = os.fork()
if tracer == 0:
    orphan = int(sys.stdin.readline())
    print(libc.ptrace(0x4206, orphan, 0, 0), flush=True)
    os.kill(orphan, 9)
    time.sleep(1000)
sys.stdin.close()
os.wait()
while True: time.sleep(0.05)
"""
    process = ours["stepdown"].start(*USER, "--seccomp=off", "--", sys.executable, "-c", script, as_pid_1=True, stdin=-1)
    orphan = int(process.stdout.readline())  # in its own PID namespace
    process.stdin.write(f"{orphan}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "0\n"
    first = pid_1(process)
    app = next(pid for pid in children(first) if children(pid))
    until(lambda: any(state(pid) == "Z" for pid in children(first)))
    os.kill(children(app)[0], signal.SIGKILL)
    until(lambda: children(first) == [app])
    os.kill(first, signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 143


# As a debugger on the host does: PID 1 is stopped in the middle of its calls and goes on, again and again.
INTERRUPTER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
SEIZE, INTERRUPT, CONT, DETACH, ALL = 0x4206, 0x4207, 7, 17, 0x40000000
pid = int(sys.argv[1])
def trace(request):
    assert libc.ptrace(request, pid, None, None) == 0, os.strerror(ctypes.get_errno())
trace(SEIZE)
for _ in range(200):
    trace(INTERRUPT); os.waitpid(pid, ALL); trace(CONT)
trace(INTERRUPT); os.waitpid(pid, ALL); trace(DETACH)
"""


def test_a_pid_1_whose_calls_are_interrupted_loses_nothing(ours):
    """EINTR, with and without a time that runs."""
    app = "trap 'echo got' USR1; echo up; while :; do sleep 0.02; done"
    for options in ([], ["--watchdog=1h"]):
        process = ours["stepdown"].start(*USER, *options, "--", "sh", "-c", app, as_pid_1=True)
        assert process.stdout.readline() == "up\n"
        first = pid_1(process)
        tracer = subprocess.Popen([sys.executable, "-c", INTERRUPTER, str(first)], stderr=subprocess.PIPE, text=True)
        for _ in range(20):
            os.kill(first, signal.SIGUSR1)
            assert process.stdout.readline() == "got\n"
        assert tracer.wait(timeout=PATIENCE) == 0, tracer.stderr.read()
        os.kill(first, signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 143
        assert process.stdout.read() == "", "nothing came twice"


def test_a_traced_app_ends_as_any_other(ours):
    """Its status comes to PID 1 when the tracer has seen it."""
    app = "echo $$; read x; exit 9"
    process = ours["stepdown"].start(*USER, "--", "sh", "-c", app, as_pid_1=True, stdin=-1)
    process.stdout.readline()
    app_pid = children(pid_1(process))[0]
    script = ("import ctypes, os, sys; pid = int(sys.argv[1]); assert ctypes.CDLL(None).ptrace(0x4206, pid, None, None) == 0\n"
              "print('traces', flush=True); assert os.WEXITSTATUS(os.waitpid(pid, 0x40000000)[1]) == 9")
    tracer = subprocess.Popen([sys.executable, "-c", script, str(app_pid)], stdout=subprocess.PIPE, text=True)
    assert tracer.stdout.readline() == "traces\n"
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(timeout=PATIENCE) == 9 and tracer.wait(timeout=PATIENCE) == 0


# Makes processes until the namespace has no number left, and keeps them.
FILLER = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
parent = os.getpid()
try:
    while True:
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True: time.sleep(1000)
except OSError as error:
    print("full", error.errno, flush=True)
while True: time.sleep(0.05)
"""


def test_a_full_pid_namespace_does_not_keep_pid_1_from_its_work(ours):
    """Since Linux 6.14 kernel.pid_max is a namespace's own; before, it is filled up to a limit of processes instead."""
    release = tuple(int(word) for word in os.uname().release.split(".")[:2])
    room = "echo 350 >/proc/sys/kernel/pid_max && " if release >= (6, 14) else ""
    limit = [] if room else ["--rlimit=nproc=300"]
    before = open("/proc/sys/kernel/pid_max", encoding="ascii").read()
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", room + 'exec "$@"', "sh", ours["stepdown"].path,
             *USER, "--log-orphans", "--drain=1s", *limit, "--", sys.executable, "-c", FILLER]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout.readline() == "full 11\n", process.stderr.read()  # EAGAIN
    assert open("/proc/sys/kernel/pid_max", encoding="ascii").read() == before
    assert len(children(children(pid_1(process))[0])) > 40
    began = time.monotonic()
    os.kill(pid_1(process), signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 7 and "when --drain was over" in err, err
    assert time.monotonic() - began < 10


def test_with_kill_on_orphan_the_app_does_not_outlive_a_stepdown_that_is_not_pid_1(ours):
    for options, outlives in (([], True), (["--kill-on-orphan"], False)):
        process = ours["stepdown"].start(*USER, *options, "--", "sleep", "1000")
        until(lambda: any(state(pid) == "S" for pid in children(process.pid)))
        app = children(process.pid)[0]
        with open(f"/proc/{app}/comm", encoding="utf-8") as file:
            until(lambda: (file.seek(0), file.read())[1] == "sleep\n")
        process.kill()
        process.wait()
        if outlives:
            time.sleep(0.3)
            assert state(app) == "S"
            os.kill(app, signal.SIGKILL)
        else:
            until(lambda: state(app) in ("", "Z"))


def test_a_signal_of_the_parents_end_is_had_whenever_that_ends_and_whoever_asked_for_it(ours, folder):
    """Its own wish before and after the end, and a wish of the caller's, which the change of ids would undo."""
    app = ["sh", "-c", "trap 'echo got; exit 5' USR1; echo up; while :; do sleep 0.05; done"]
    late = folder / "waits-for-the-end"
    late.write_text("#!/bin/sh\nwhile kill -0 $PARENT 2>/dev/null; do sleep 0.05; done\n")
    late.chmod(0o755)
    wish = "import ctypes; ctypes.CDLL(None).prctl(1, 10); "
    for wishes, options, is_late in (("", ["--parent-death-signal=USR1"], False), ("", ["--parent-death-signal=USR1", f"--before-drop={late}"], True),
                                     (wish, [], False), (wish, [f"--before-drop={late}"], True), (wish, ["--no-init"], False)):
        words = [ours["stepdown"].path, *USER, *options, "--", *app]
        start = f"import os; os.environ['PARENT'] = str(os.getpid())\nif os.fork() == 0: {wishes}os.execv({words[0]!r}, {words!r})\nos.read(0, 1)"
        parent = subprocess.Popen([sys.executable, "-c", start], stdin=-1, stdout=-1, text=True)
        if is_late:
            until(lambda: children(parent.pid) and children(children(parent.pid)[0]))
        else:
            assert parent.stdout.readline() == "up\n"
        parent.stdin.close()
        parent.wait()
        parent.stdin = None
        out, _ = parent.communicate(timeout=PATIENCE)
        assert out == "got\n" or is_late, options  # or it has ended by it before it was up


def test_without_pid_1_what_it_is_asked_for_is_told(ours):
    ended = ours["stepdown"].run(*USER, "--no-init", "--drain=1s", "--grace=1s", "--", "true", env={"STEPDOWN_SIGNAL_GROUP": "true"})
    assert ended.code == 0 and "nobody is left to do what is asked for by signal-group, grace, drain" in ended.err, ended
    assert ours["stepdown"].run(*USER, "--no-init", "--", "true").err == ""


def test_a_descriptor_that_is_handed_on_is_not_readys(ours):
    line = f"exec {ours['tini'].path} -s -- true 5</dev/null"
    for number, refused in ((5, True), (6, False)):
        ended = subprocess.run(["sh", "-c", line], env={**os.environ, "STEPDOWN_READY": f"fd:{number}"}, capture_output=True, text=True, check=False)
        assert (ended.returncode == 100 and f"descriptor {number} is open already" in ended.stderr) == refused, ended


def test_a_core_is_noted_where_the_kernel_wrote_one(ours, folder):
    place = folder / "cores"
    place.mkdir(exist_ok=True)
    place.chmod(0o777)
    crash = ["sh", "-c", "kill -SEGV $$"]

    def unlimited():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    bare = subprocess.Popen(["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", *crash], cwd=place, preexec_fn=unlimited)
    dumped = os.WCOREDUMP(os.waitpid(bare.pid, 0)[1])
    ended = subprocess.run([ours["stepdown"].path, *USER, "--", *crash], cwd=place, preexec_fn=unlimited, capture_output=True, text=True,
                           check=False)
    assert ended.returncode == 139 and ("dumped its core" in ended.stderr) == dumped, ended
    none = subprocess.run([ours["stepdown"].path, *USER, "--rlimit=core=0", "--", *crash], cwd=place, capture_output=True, text=True, check=False)
    assert none.returncode == 139 and "core" not in none.stderr


def test_a_command_that_only_tells_is_ended_by_ctrl_c_and_by_kill(ours):
    """Only a start must outlive a signal that comes too early: this one waits for a text that nobody sends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        process = ours["stepdown"].start("verify", "--file", "-", stdin=-1)
        until(lambda: state(process.pid) == "S")
        os.kill(process.pid, number)
        assert process.wait(timeout=PATIENCE) == -number
