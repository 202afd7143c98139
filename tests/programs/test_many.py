"""Orphans by the ten thousand, and an app that means harm."""

import os
import sys
import time

from conftest import PATIENCE, children, pid_1

MANY = 50_000


def crowd(ours, count, *options, how="crowd", **streams):
    """tests/payload/supervised.cpp: orphans that end at once, or all together."""
    return ours["stepdown"].start("--user=10001:10001", "--receipt=off", *options, "--", ours["supervised"].path, how, str(count),
                                  as_pid_1=True, stdin=-1, **streams)


def ends_well_without_orphans(process):
    pid, deadline = pid_1(process), time.monotonic() + PATIENCE
    while len(children(pid)) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.stdin.close()
    assert process.wait(timeout=PATIENCE) == 0


def test_fifty_thousand_orphans_leave_no_zombie(ours):
    process = crowd(ours, MANY)
    assert process.stdout.readline() == "made\n"
    ends_well_without_orphans(process)


def test_signals_have_their_turn_in_a_storm_of_ends(ours):
    process = crowd(ours, 5_000, how="crowd-together")
    assert process.stdout.readline() == "made\n"
    os.kill(pid_1(process), 15)
    assert process.wait(timeout=PATIENCE) == 143


def test_a_full_pipe_of_the_log_does_not_stop_pid_1(ours):
    """Nobody reads standard error, and PID 1 has a line for every orphan."""
    reader, writer = os.pipe()
    process = crowd(ours, 3_000, "--log-orphans", stderr=writer)
    os.close(writer)
    assert process.stdout.readline() == "made\n"
    ends_well_without_orphans(process)
    os.close(reader)


def test_a_log_that_nobody_can_read_any_more_does_not_end_pid_1(ours):
    reader, writer = os.pipe()
    process = ours["stepdown"].start("--user=10001:10001", "--receipt=off", "--log-level=debug", "--", "sh", "-c",
                                     "read x; sh -c 'sleep 0.1 &'; sleep 0.3; exit 5", as_pid_1=True, stdin=-1, stderr=writer)
    os.close(writer)
    os.close(reader)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(timeout=PATIENCE) == 5


def test_an_app_that_floods_pid_1_with_signals_and_children_changes_nothing(ours):
    """Its own uid is PID 1's: it may signal it, and does, with what would end or stop any other process."""
    script = """
import os, signal, sys, time
end = time.monotonic() + 3
signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGHUP, signal.SIG_IGN)
while time.monotonic() < end:
    for number in (9, 19, 15, 1, 17):
        os.kill(1, number)
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    try: os.waitpid(-1, os.WNOHANG)
    except ChildProcessError: pass
print("lived", flush=True)
os._exit(6)
"""
    process = ours["stepdown"].start("--user=10001:10001", "--receipt=off", "--", sys.executable, "-c", script, as_pid_1=True)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (6, "lived\n"), err
