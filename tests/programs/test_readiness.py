"""--ready and --watchdog, with stepdown as PID 1 of a PID namespace and an app that is not root."""

import os
import signal
import socket
import subprocess
import time

import pytest

from conftest import PATIENCE, pid_1
from notifying import finish, python, start, until_said


def becomes(ours, process, code, line=""):
    """What `stepdown ready` answers in the app's namespaces, as under docker exec."""
    inside = ["nsenter", f"--target={pid_1(process)}", "--mount", "--pid", ours["stepdown"].path, "ready"]
    deadline = time.monotonic() + PATIENCE
    while True:
        ended = subprocess.run(inside, capture_output=True, text=True, check=False)
        if ended.returncode == code:
            assert line in ended.stderr
            return
        assert time.monotonic() < deadline, ended


def test_without_a_start_that_says_how_nothing_is_ready(ours):
    ended = ours["stepdown"].run("ready", as_pid_1=True)
    assert ended.code == 100 and "start it with --ready" in ended.err


def test_a_start_that_does_not_say_how_forgets_what_an_earlier_one_said(ours):
    """As a container's restart with other options. Who is not PID 1 may be a start beside the app."""
    last = "echo notify >/run/stepdown.ready; echo ready >>/run/stepdown.ready; "
    start = f"{ours['stepdown'].path} --user=10001 --receipt=off -- {ours['stepdown'].path} ready"
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "mount -t tmpfs tmpfs /run; " + last]
    first, beside = (subprocess.run([*words[:-1], words[-1] + after], capture_output=True, text=True, check=False)
                     for after in (f"exec {start}", f"{start}; exit $?"))
    assert first.returncode == 100 and "start it with --ready" in first.stderr, first
    assert beside.returncode == 0, beside


def test_ready_by_notify(ours):
    process = start(ours, ["--ready=notify"], python("""
        say("up"); sys.stdin.readline(); notify("STATUS=x\\nREADY=1"); sys.stdin.readline()
        notify("STOPPING=1"); sys.stdin.readline()
    """), stdin=-1)
    assert process.stdout.readline() == "up\n"
    becomes(ours, process, 1, "has not said so yet")
    process.stdin.write("\n")
    process.stdin.flush()
    becomes(ours, process, 0)
    process.stdin.write("\n")
    process.stdin.flush()
    becomes(ours, process, 1, "is stopping")
    process.stdin.close()
    code, _, err = finish(process)
    assert code == 0 and "the app is ready" in err


@pytest.mark.parametrize("number", [3, 4, 5, 9])
def test_ready_by_descriptor(ours, number):
    process = start(ours, [f"--ready=fd:{number}"], python(f"""
        say(sorted(int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) > 2)[0])
        sys.stdin.readline(); os.write({number}, b"\\n"); os.close({number}); sys.stdin.readline()
    """), stdin=-1)
    assert process.stdout.readline() == f"{min(number, 3)}\n"
    becomes(ours, process, 1)
    process.stdin.write("\n")
    process.stdin.flush()
    becomes(ours, process, 0)
    os.kill(pid_1(process), signal.SIGTERM)
    assert finish(process)[0] == 143


def test_ready_by_a_port_and_not_while_it_stops(ours):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start(ours, [f"--ready=tcp:{port}"], python(f"""
        signal.signal(signal.SIGTERM, lambda *_: time.sleep(3) or sys.exit(0))
        say("up"); sys.stdin.readline()
        s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", {port})); s.listen()
        while True: time.sleep(0.1)
    """), stdin=-1)
    process.stdout.readline()
    becomes(ours, process, 1, "does not answer")
    process.stdin.write("\n")
    process.stdin.flush()
    becomes(ours, process, 0)
    os.kill(pid_1(process), signal.SIGTERM)
    becomes(ours, process, 1, "is stopping")
    assert finish(process)[0] == 0


def test_ready_by_a_socket(ours, folder):
    path = folder / "sockets"
    path.mkdir(mode=0o777, exist_ok=True)
    path.chmod(0o777)
    process = start(ours, [f"--ready=unix:{path}/s"], python(f"""
        s = socket.socket(socket.AF_UNIX); s.bind("{path}/s"); s.listen(); say("up"); sys.stdin.readline()
    """), stdin=-1)
    assert process.stdout.readline() == "up\n"
    becomes(ours, process, 0)
    process.stdin.close()
    assert finish(process)[0] == 0


def test_a_message_from_outside_says_nothing(ours):
    process = start(ours, ["--ready=notify"], python('say(os.environ["NOTIFY_SOCKET"]); sys.stdin.readline()'), stdin=-1)
    name = process.stdout.readline().strip().replace("@", "\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.sendto(b"READY=1", name)
    time.sleep(0.5)
    becomes(ours, process, 1, "has not said so yet")
    process.stdin.close()
    assert finish(process)[0] == 0


def test_the_watchdog_aborts_a_silent_app_and_lets_a_lively_one_be(ours):
    lively = start(ours, ["--ready=notify", "--watchdog=2s"], python("""
        assert os.environ["WATCHDOG_USEC"] == "2000000"
        notify("READY=1")
        for _ in range(15): notify("WATCHDOG=1"); time.sleep(0.2)
    """))
    assert finish(lively)[0] == 0
    silent = start(ours, ["--watchdog=500ms"], python("time.sleep(1000)"))
    code, _, err = finish(silent)
    assert code == 134 and "has not said WATCHDOG=1 in time" in err
    deaf = start(ours, ["--ready=notify", "--watchdog=300ms", "--grace=300ms"],
                 python("signal.signal(signal.SIGABRT, signal.SIG_IGN); notify('READY=1'); time.sleep(1000)"))
    assert finish(deaf)[0] == 137
    asks = start(ours, ["--watchdog=1h"], python('notify("WATCHDOG=trigger"); time.sleep(1000)'))
    assert finish(asks)[0] == 134


def test_the_watchdog_waits_until_the_app_is_ready(ours):
    process = start(ours, ["--ready=notify", "--watchdog=300ms"], python("time.sleep(1); say('slow'); sys.exit(3)"))
    assert finish(process)[:2] == (3, "slow\n")


def test_an_app_that_gets_ready_while_it_stops_is_not_ready(ours):
    process = start(ours, ["--ready=notify"], python("""
        signal.signal(signal.SIGTERM, lambda *_: (notify("READY=1"), say("stops")))
        say("up"); sys.stdin.readline(); sys.exit(7)
    """), stdin=-1)
    assert process.stdout.readline() == "up\n"
    os.kill(pid_1(process), signal.SIGTERM)
    assert process.stdout.readline() == "stops\n"
    until_said(process, "the app is ready")
    becomes(ours, process, 1, "is stopping")
    process.stdin.write("\n")
    process.stdin.flush()
    assert finish(process)[0] == 7


@pytest.mark.parametrize("message", ['notify("READY=1\\0")', """
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
    end.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
    socket.send_fds(end, [b"FDSTORE=1\\nREADY=1"], [0, 1, 2])
"""])
def test_a_message_with_a_zero_byte_or_descriptors_says_what_it_says(ours, message):
    process = start(ours, ["--ready=notify"], python(message + "\nsay('up')\nsys.stdin.readline()\n"), stdin=-1)
    assert process.stdout.readline() == "up\n"
    becomes(ours, process, 0)
    inside = ["nsenter", f"--target={pid_1(process)}", "--pid", "--mount", "ls", "/proc/1/fd"]
    assert len(subprocess.run(inside, capture_output=True, text=True, check=True).stdout.split()) < 12, "PID 1 keeps none of them"
    process.stdin.write("\n")
    process.stdin.flush()
    assert finish(process)[0] == 0


def test_the_watchdog_waits_for_the_first_word_where_pid_1_does_not_see_who_is_ready(ours):
    slow = start(ours, ["--ready=tcp:1", "--watchdog=300ms"], python("time.sleep(1); say('slow'); sys.exit(3)"))
    assert finish(slow)[:2] == (3, "slow\n")
    silent = start(ours, ["--ready=tcp:1", "--watchdog=300ms"], python("notify('WATCHDOG=1'); time.sleep(1000)"))
    assert finish(silent)[0] == 134
    early = start(ours, ["--ready=notify", "--watchdog=300ms"], python("notify('WATCHDOG=1'); time.sleep(1); sys.exit(3)"))
    assert finish(early)[0] == 3, "not ready yet"


def test_an_app_can_ask_for_more_time_to_stop(ours):
    app = python("""
        def stop(*_):
            for _ in range(4): notify("EXTEND_TIMEOUT_USEC=1500000"); time.sleep(0.5)
            sys.exit(7)
        signal.signal(signal.SIGTERM, stop); notify("READY=1"); say("up")
        while True: time.sleep(0.1)
    """)
    process = start(ours, ["--ready=notify", "--grace=1s"], app)
    assert process.stdout.readline() == "up\n"
    os.kill(pid_1(process), signal.SIGTERM)
    assert finish(process)[0] == 7


def test_an_app_that_is_to_stop_later_is_not_ready_any_more_and_serves_on(ours):
    app = python("""
        signal.signal(signal.SIGTERM, lambda *_: (say("stopped"), sys.exit(7)))
        notify("READY=1"); say("up")
        for line in sys.stdin: say("serves")
        while True: time.sleep(0.1)  # its input has been closed
    """)
    process = start(ours, ["--ready=notify", "--stop-delay=1h"], app, stdin=subprocess.PIPE)
    assert process.stdout.readline() == "up\n"
    becomes(ours, process, 0)
    os.kill(pid_1(process), signal.SIGTERM)
    becomes(ours, process, 1)
    process.stdin.write("work\n")
    process.stdin.flush()
    assert process.stdout.readline() == "serves\n"
    os.kill(pid_1(process), signal.SIGTERM)
    code, out, err = finish(process)
    assert (code, out) == (7, "stopped\n") and "Received SIGTERM, sent on when --stop-delay is over" in err, err


def test_names_of_orphans_are_told_under_the_filter(ours):
    process = start(ours, ["--log-orphans"], ["sh", "-c", "sh -c 'sleep 0.1 &'; sleep 1.5"])
    code, _, err = finish(process)
    assert code == 0 and "name=sleep status=0" in err


def test_mistakes_are_one_line(ours):
    for options, line in ((["--ready=soon"], "is not fd:N"), (["--ready=fd:2"], "is not fd:N"), (["--ready=tcp:0"], "tcp:PORT"),
                          (["--pidfile=/x"], "only --forking reads one"), (["--watchdog=0"], "no time at all"),
                          (["--ready=notify", "--no-init"], "leave out --no-init"), (["--subreaper=no", "--forking"], "leave one out")):
        ended = ours["stepdown"].run("--user=10001", "--receipt=off", *options, "--", "true")
        assert ended.code == 100 and line in ended.err, ended
