"""A terminal as standard error: PID 1's log must not wait for whoever reads it, nor change what the app shares with it."""

import errno
import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from conftest import PATIENCE, pid_1

STARTS = [("stepdown", ["--user=10001:10001", "--receipt=off", "--log-level=debug", "--"]), ("tini", ["-vvv", "--"]), ("dumb-init", ["-c", "-v"])]
every_start = pytest.mark.parametrize("peer,options", STARTS, ids=[peer for peer, _ in STARTS])

APP = """
import fcntl, os, signal, time
def flags(): return fcntl.fcntl(2, fcntl.F_GETFL) & os.O_NONBLOCK
signal.signal(signal.SIGUSR1, lambda *_: print("got", flags(), flush=True))
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
print("up", flags(), flush=True)
while True: time.sleep(0.05)
"""


class Terminal:
    """A pseudo-terminal, of which nobody reads what is written to it but who asks for it."""

    def __init__(self):
        self.ours, self.theirs = pty.openpty()
        self.filler = os.open(os.ttyname(self.theirs), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)

    def has_room(self):
        return bool(select.select([], [self.filler], [], 0)[1])

    def fill(self):
        """Until nothing fits any more, for a while; how much did."""
        count, full_since = 0, None
        while full_since is None or time.monotonic() - full_since < 0.2:
            try:
                count += os.write(self.filler, b"x")
                full_since = None
            except OSError as error:
                assert error.errno == errno.EAGAIN
                full_since = full_since or time.monotonic()
                time.sleep(0.01)
        return count

    def leave_room_for(self, count):
        """The kernel's buffers become free a piece at a time: the second piece is as large as the first."""
        self.fill()
        pieces = []
        for _ in range(3):
            while not self.has_room():
                os.read(self.ours, 1)
                time.sleep(0.001)
            pieces.append(self.fill() if len(pieces) < 2 else None)
        assert pieces[0] == pieces[1] > count, pieces
        os.write(self.filler, b"x" * (pieces[0] - count))
        assert self.has_room()

    def close(self):
        for fd in (self.ours, self.theirs, self.filler):
            os.close(fd)


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.close()


def says(process, line):
    """Fails, and does not hang, where PID 1 does."""
    assert select.select([process.stdout], [], [], PATIENCE)[0], f"no {line!r}"
    assert process.stdout.readline() == line


def start(ours, peer, options, terminal):
    process = ours[peer].start(*options, sys.executable, "-c", APP, as_pid_1=True, stderr=terminal.theirs)
    says(process, "up 0\n")  # the app's description of the terminal is as it was
    return process, pid_1(process)


def goes_on(process, pid):
    """PID 1 has a line to write for each of these."""
    for _ in range(3):
        os.kill(pid, signal.SIGUSR1)
        says(process, "got 0\n")
    os.kill(pid, signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 7


@every_start
def test_a_line_that_does_not_fit_stops_nobody(ours, terminal, peer, options):
    """The terminal has room, and less than the line is long: write(2) would wait for the rest of it."""
    process, pid = start(ours, peer, options, terminal)
    terminal.leave_room_for(10)
    goes_on(process, pid)


@every_start
def test_output_that_is_held_back_stops_nobody(ours, terminal, peer, options):
    process, pid = start(ours, peer, options, terminal)
    os.write(terminal.ours, b"\x13")  # Ctrl-S
    while terminal.has_room():
        time.sleep(0.01)
    goes_on(process, pid)


@every_start
def test_the_lines_are_there_where_somebody_reads(ours, terminal, peer, options):
    process, pid = start(ours, peer, options, terminal)
    goes_on(process, pid)
    said = b""
    while select.select([terminal.ours], [], [], 0.5)[0]:
        said += os.read(terminal.ours, 4096)
    assert said.count(b"Received SIGUSR1") == 3 and b"SIGTERM" in said, said


def test_no_line_waits_for_one_that_the_app_writes(ours, terminal):
    """The app's write(2) holds the terminal until all of it is written, which is never."""
    script = "import os, threading\nthreading.Thread(target=lambda: os.write(2, b'y' * 100000), daemon=True).start()\n"
    process = ours["stepdown"].start("--user=10001:10001", "--receipt=off", "--log-level=debug", "--", sys.executable, "-c",
                                     script + APP, as_pid_1=True, stderr=terminal.theirs)
    says(process, "up 0\n")
    pid = pid_1(process)
    time.sleep(0.5)
    while select.select([terminal.ours], [], [], 0)[0]:  # room, but the app's
        os.read(terminal.ours, 1)
        if terminal.has_room():
            break
    goes_on(process, pid)


def test_a_terminal_of_somebody_elses_is_not_waited_for(ours, terminal):
    """Not root, no right to open it and no session of its own: nothing is written, and nothing waits."""
    os.fchown(terminal.theirs, 10002, 10002)
    os.fchmod(terminal.theirs, 0o600)
    words = ["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", ours["stepdown"].path, "--log-level=debug", "--receipt=off", "--"]
    process = subprocess.Popen([*words, sys.executable, "-c", APP], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=terminal.theirs, text=True, start_new_session=True)
    says(process, "up 0\n")
    terminal.leave_room_for(10)
    goes_on(process, process.pid)


def test_the_sessions_terminal_needs_no_right_to_it(ours):
    """As after su(1): the terminal is somebody else's, but it is this session's."""
    pid, ours_end = pty.fork()
    if pid == 0:
        os.fchown(0, 10002, 10002)
        os.fchmod(0, 0o600)
        os.setgroups([])
        os.setresgid(10001, 10001, 10001)
        os.setresuid(10001, 10001, 10001)
        os.execv(ours["stepdown"].path, ["stepdown", "--log-level=debug", "--receipt=off", "--", "sh", "-c", "kill -USR1 $PPID; sleep 1; exit 3"])
    said, deadline = b"", time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            said += os.read(ours_end, 4096)
        except OSError:  # EIO: the other end is closed
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGUSR1, said
    assert b"Received SIGUSR1" in said
    os.close(ours_end)
