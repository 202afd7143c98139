"""Time that jumps, and time that PID 1 does not have: clock_settime(2) on the machine's clock, and SIGSTOP from outside while a
--grace, --drain or --watchdog runs."""

import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import PATIENCE, children, pid_1

USER = ["--user=10001:10001", "--receipt=off"]
HOUR = 3600

# A process of its own, so that the clock is put right however the test ends. It jumps when it is told to.
JUMPER = """
import sys, time
ahead, hold = float(sys.argv[1]), float(sys.argv[2])
sys.stdin.readline()
right = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
def set_clock(offset):
    time.clock_settime_ns(time.CLOCK_REALTIME, time.clock_gettime_ns(time.CLOCK_MONOTONIC) + right + offset)
try:
    set_clock(int(ahead * 1e9))
    print("jumped", flush=True)
    time.sleep(hold)
finally:
    set_clock(0)
"""

PRELUDE = """
import os, signal, socket, sys, time
def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.sendto(text.encode(), os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1))
def say(word):
    print(word, flush=True)
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda number, _: say(f"got {number}"))
"""

DEAF = "say('up')\nwhile True: time.sleep(0.05)"
LEAVES_A_DEAF_ONE = """
reader, writer = os.pipe()
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(writer, b"x")
    while True: time.sleep(1)
os.read(reader, 1); say("up"); sys.stdin.readline(); os._exit(3)
"""
SILENT = "notify('WATCHDOG=1'); say('up')\nwhile True: time.sleep(1)"
LIVELY = """
say("up")
while not os.path.exists(sys.argv[1]): notify("WATCHDOG=1"); time.sleep(0.2)
time.sleep(1000)
"""


class Pending:
    """stepdown as PID 1 with a time that runs from began on."""

    def __init__(self, ours, option, script, start, ends_with):
        self.ends_with, self.ended = ends_with, None
        self.process = ours["stepdown"].start(*USER, option, "--", sys.executable, "-c", PRELUDE + script, as_pid_1=True, stdin=-1)
        assert self.process.stdout.readline() == "up\n"
        self.pid = pid_1(self.process)
        start(self)
        self.began = time.monotonic()

    def look(self):
        if self.ended is None and self.process.poll() is not None:
            assert self.process.returncode == self.ends_with, self.process.stderr.read()
            self.ended = time.monotonic()
        return self.ended is not None


def term(pending):
    os.kill(pending.pid, signal.SIGTERM)


def let_the_app_end(pending):
    pending.process.stdin.write("\n")
    pending.process.stdin.flush()


def all_pending(ours, seconds):
    return [Pending(ours, f"--grace={seconds}s", DEAF, term, 137), Pending(ours, f"--drain={seconds}s", LEAVES_A_DEAF_ONE, let_the_app_end, 3),
            Pending(ours, f"--watchdog={seconds}s", SILENT, lambda _: None, 134)]


def look_until(condition, all_of_them):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        for one in all_of_them:
            one.look()
        time.sleep(0.01)


@pytest.mark.parametrize("ahead,seconds,hold", [(HOUR, 5, 1), (-HOUR, 3, 6)], ids=["forward", "back"])
def test_a_clock_that_is_set_neither_ends_a_time_early_nor_loses_it(ours, ahead, seconds, hold):
    """Forward and right again long before the time is over; back until all of them are. Needs the right to set the clock."""
    jumper = subprocess.Popen([sys.executable, "-c", JUMPER, str(ahead), str(hold)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, start_new_session=True)
    pending = all_pending(ours, seconds)
    before = time.time() - time.monotonic()
    jumper.stdin.write("\n")
    jumper.stdin.flush()
    assert jumper.stdout.readline() == "jumped\n", f"the clock could not be set: {jumper.stderr.read()}"
    jumped = time.monotonic()
    assert abs(time.time() - time.monotonic() - before - ahead) < 10, "the clock has not jumped"
    assert jumped - pending[0].began < seconds, "too late: the machine is too busy for this test"
    look_until(lambda: jumper.poll() is not None, pending)
    restored = time.monotonic()
    assert jumper.returncode == 0 and abs(time.time() - time.monotonic() - before) < 10, jumper.stderr.read()
    look_until(lambda: all(one.ended for one in pending), pending)
    for one in pending:
        assert one.ended - one.began > seconds - 0.5, "early"
        assert ahead > 0 or one.ended < restored, "lost, until the clock was right again"


STOP = 4


def stop_and_go_on(pids):
    """All of them do nothing for STOP seconds; when that ended."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(STOP)
    for pid in reversed(pids):
        os.kill(pid, signal.SIGCONT)
    return time.monotonic()


def test_the_time_that_pid_1_is_stopped_does_not_count(ours):
    pending = all_pending(ours, 3)
    time.sleep(0.5)
    went_on = stop_and_go_on([one.pid for one in pending])
    look_until(lambda: all(one.ended for one in pending), pending)
    for one in pending:
        assert one.ended - went_on > 1.5, "ended for what it could not do while it was stopped"
        assert one.ended - went_on < 3 + PATIENCE / 2


def test_a_lively_app_that_is_stopped_with_pid_1_survives_and_is_still_watched(ours, folder):
    silence = folder / "silence"
    script = PRELUDE + LIVELY
    process = ours["stepdown"].start(*USER, "--watchdog=2s", "--", sys.executable, "-c", script, str(silence), as_pid_1=True)
    assert process.stdout.readline() == "up\n"
    pid = pid_1(process)
    [app] = children(pid)
    for _ in range(2):
        stop_and_go_on([app, pid])
        time.sleep(1)
        assert process.poll() is None, process.stderr.read()
    silence.touch()
    assert process.wait(timeout=PATIENCE) == 134


def test_what_arrives_while_pid_1_is_stopped_is_sent_on_once_it_goes_on(ours):
    pending = Pending(ours, "--grace=1h", DEAF, lambda _: None, 137)
    os.kill(pending.pid, signal.SIGSTOP)
    os.kill(pending.pid, signal.SIGUSR1)
    os.kill(pending.pid, signal.SIGTERM)
    time.sleep(0.5)
    os.kill(pending.pid, signal.SIGCONT)
    said = {pending.process.stdout.readline() for _ in range(2)}
    assert said == {f"got {signal.SIGUSR1:d}\n", f"got {signal.SIGTERM:d}\n"}
    os.kill(pending.pid, signal.SIGHUP)
    assert pending.process.wait(timeout=PATIENCE) == 129
    assert pending.process.stdout.read() == "", "nothing came twice"
