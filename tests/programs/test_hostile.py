"""An app that means harm, with PID 1's uid: with root given up, and under the peers' names with root kept."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time

import pytest

from conftest import OWN_RUN, PATIENCE, children, pid_1

DROPPED = ["--user=10001:10001", "--receipt=off"]
STARTS = [("stepdown", [*DROPPED, "--"]), ("tini", ["--"]), ("tini", ["-g", "--"]), ("dumb-init", []), ("dumb-init", ["-c"]), ("catatonit", [])]

PRELUDE = """
import ctypes, errno, os, resource, signal, sys, termios, time
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *words):
    return 0 if getattr(libc, name)(*words) >= 0 else ctypes.get_errno()
def say(word):
    print(word, flush=True)
def status(name):
    for line in open("/proc/1/status"):
        if line.startswith(name): return line.split()[1]
"""

every_start = pytest.mark.parametrize("peer,options", STARTS, ids=[" ".join([peer, *options]) for peer, options in STARTS])


def python(script):
    return [sys.executable, "-c", PRELUDE + script]


def start(ours, peer, options, script, **kind):
    return ours[peer].start(*options, *python(script), as_pid_1=True, **kind)


@every_start
def test_no_signal_ends_or_stops_pid_1(ours, peer, options):
    to_itself = [20, 21, 22] if (peer, options) == ("dumb-init", []) else []  # which come back to the app as STOP
    process = start(ours, peer, options, f"""
every = set(range(1, 65)) - {{32, 33}} - set({to_itself})
for number in every - {{9, 19}}: signal.signal(number, signal.SIG_IGN)
signal.signal(17, signal.SIG_DFL)
end = time.monotonic() + 1.5
while time.monotonic() < end:
    for number in every:
        os.kill(1, number)
        if number > 33: libc.sigqueue(1, number, ctypes.c_void_p(number))
assert status("State") in "SR", status("State")
say("lived"); os._exit(6)
""")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (6, "lived\n"), err


def test_after_the_drop_pid_1_cannot_be_traced_read_or_written(ours):
    process = start(ours, "stepdown", [*DROPPED, "--seccomp=off", "--"], """
ATTACH, SEIZE = 16, 0x4206
for request in (ATTACH, SEIZE): say(errno.errorcode[call("ptrace", request, 1, 0, 0)])
word = ctypes.create_string_buffer(8)
class Vector(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
here, there = Vector(ctypes.addressof(word), 8), Vector(0x400000, 8)
for name in ("process_vm_readv", "process_vm_writev"):
    say(errno.errorcode[call(name, 1, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)])
for file in ("mem", "environ", "oom_score_adj", "fd/2", "clear_refs"):
    try: open(f"/proc/1/{file}", "r+b"); say(file)
    except OSError as error: say(errno.errorcode[error.errno])
""")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert set(out.split()) <= {"EPERM", "EACCES"} and len(out.split()) == 9, out


def test_root_that_was_kept_can_trace_pid_1_as_under_the_peers(ours, theirs):
    """What the drop is for. Hiding PID 1 from root would also hide /proc/1/fd, which images write their logs to."""
    script = 'say(call("ptrace", 0x4206, 1, 0, 0)); os.close(os.open("/proc/1/fd/2", os.O_WRONLY))'
    for programs in (ours, theirs):
        process = start(programs, "tini", ["--"], script)
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out) == (0, "0\n"), err


@every_start
def test_a_full_pipe_as_standard_output_stops_nobody(ours, peer, options):
    process = start(ours, peer, options, """
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
os.write(2, b"up\\n")
while True: os.write(1, b"x" * 4096)
""")
    assert process.stderr.readline() == "up\n"
    time.sleep(0.3)
    os.kill(pid_1(process), signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 7


# Fills every page that becomes free, and has PID 1 write a line for each orphan: it must not wait for the page it saw.
FILLER = """
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
say("up")
if os.fork() == 0:
    while True:
        if os.fork() == 0:
            if os.fork() == 0: os._exit(0)
            os._exit(0)
        os.wait()
for _ in range(3):
    os.fork()
while True: os.write(2, b"x" * 4096)
"""


@pytest.mark.parametrize("peer,options", [("stepdown", [*DROPPED, "--log-orphans", "--drain=1s", "--"]), ("tini", ["-w", "--"])],
                         ids=["stepdown", "tini"])
def test_the_app_cannot_take_the_room_that_pid_1_saw_in_the_logs_pipe(ours, peer, options):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = start(ours, peer, options, FILLER, stderr=writer)
    os.close(writer)
    assert process.stdout.readline() == "up\n"
    end = time.monotonic() + 3
    while time.monotonic() < end:  # one page at a time becomes free, and then none
        os.read(reader, 4096)
    os.kill(pid_1(process), signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 7
    os.close(reader)


@pytest.mark.parametrize("peer,options", [STARTS[0], STARTS[1], STARTS[3], STARTS[5]], ids=["stepdown", "tini", "dumb-init", "catatonit"])
def test_settings_of_the_terminal_stop_nobody(ours, peer, options):
    """Raw, background writers stopped, output held back, and another group in the foreground."""
    pid, terminal = pty.fork()
    if pid == 0:
        words = [ours[peer].path, *options, *python("""
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
for number in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
attributes = termios.tcgetattr(0)
attributes[0] = attributes[1] = 0
attributes[3] = termios.TOSTOP
termios.tcsetattr(0, termios.TCSANOW, attributes)
if os.fork() == 0:
    os.setpgid(0, 0)
    try: os.tcsetpgrp(0, os.getpgrp())
    except OSError: pass
    while True: time.sleep(1)
say("held")
termios.tcflow(0, termios.TCOOFF)
while True: os.fork() or os._exit(0); os.wait(); time.sleep(0.01)
""")]
        os.environ["STEPDOWN_LOG_LEVEL"] = "debug"
        os.environ["STEPDOWN_DRAIN"] = "1s"
        os.execvp("unshare", ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "setsid", "--ctty", *OWN_RUN, *words])
    said, seen = b"", threading.Event()

    def read():
        nonlocal said
        while True:
            try:
                said += os.read(terminal, 4096)
            except OSError:
                return
            if b"held" in said:
                seen.set()

    threading.Thread(target=read, daemon=True).start()
    assert seen.wait(PATIENCE), said
    time.sleep(0.5)
    [child] = children(pid)
    os.kill(child, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0:
        assert time.monotonic() < deadline, said
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(ended[1]) == 7, said
    os.close(terminal)


@every_start
def test_forks_without_end_leave_pid_1_in_charge(ours, peer, options):
    """As many as the limit permits, again and again. Of root only a cgroup limits the number: tests/container."""
    process = start(ours, peer, options, """
resource.setrlimit(resource.RLIMIT_NPROC, (400, 400))
if os.getuid() == 0:
    os.setgid(10002); os.setuid(10002)  # or the limit means nothing
def stop(*_): os._exit(7)
signal.signal(signal.SIGTERM, stop)
say("up")
made, end = 0, time.monotonic() + 4
first = os.getpid()
while True:
    try:
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            try: os.fork()
            except OSError: pass
            time.sleep(0.05); os._exit(0)
        made += 1
        if made % 50 == 0: os.waitpid(-1, os.WNOHANG)
    except OSError: time.sleep(0.001)
""", env={"STEPDOWN_DRAIN": "500ms"})
    assert process.stdout.readline() == "up\n"
    time.sleep(3)
    began = time.monotonic()
    os.kill(pid_1(process), signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 7
    assert time.monotonic() - began < 10


def test_limits_of_pid_1_are_not_the_apps(ours):
    """prlimit(2) asks for the same uid and no more, and RLIMIT_CPU has the kernel end whoever is above it, PID 1 included."""
    process = start(ours, "stepdown", [*DROPPED, "--"], """
class Limit(ctypes.Structure): _fields_ = [("soft", ctypes.c_ulong), ("hard", ctypes.c_ulong)]
none = Limit(0, 0)
for number in range(16): say(errno.errorcode[call("prlimit", 1, number, ctypes.byref(none), None)])
for number in range(16): assert call("prlimit", 0, number, None, ctypes.byref(none)) == 0
""")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "EPERM\n" * 16), err


@pytest.mark.parametrize("seccomp", ["default", "off"])
def test_what_may_be_changed_of_pid_1_does_not_stop_it(ours, seccomp):
    """setpriority(2) and, without the filter, all limits but that one: nothing that PID 1 uses."""
    process = start(ours, "stepdown", [*DROPPED, f"--seccomp={seccomp}", "--"], """
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
class Limit(ctypes.Structure): _fields_ = [("soft", ctypes.c_ulong), ("hard", ctypes.c_ulong)]
none = Limit(0, 0)
for number in range(16):
    if number != resource.RLIMIT_CPU: call("prlimit", 1, number, ctypes.byref(none), None)
os.setpriority(os.PRIO_PROCESS, 1, 19)
for _ in range(100):
    if os.fork() == 0:
        os.fork(); os._exit(0)
    os.wait()
say("spoilt")
while True: time.sleep(0.05)
""")
    assert process.stdout.readline() == "spoilt\n"
    os.kill(pid_1(process), signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 7
