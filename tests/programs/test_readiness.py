"""--ready, --watchdog and --forking, with stepdown as PID 1 of a PID namespace and an app that is not root."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from conftest import PATIENCE, pid_1

USER = ["--user=10001:10001", "--receipt=off", "--log-level=info"]

# notify(text): as sd_notify(3)
PRELUDE = """
import os, signal, socket, sys, time
def notify(text):
    name = os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.sendto(text.encode(), name)
def say(word):
    print(word, flush=True)
"""


def python(script):
    return [sys.executable, "-c", PRELUDE + textwrap.dedent(script)]


def start(ours, options, command, **kind):
    return ours["stepdown"].start(*USER, *options, "--", *command, as_pid_1=True, **kind)


def finish(process):
    """Its input stays open until it has ended: communicate() would close it first, and an app that reads it may end by that."""
    kept, process.stdin = process.stdin, None
    out, err = process.communicate(timeout=PATIENCE)
    if kept is not None:
        kept.close()
    return process.returncode, out, err


def until_said(process, words):
    """What standard error says up to the line with these words; a byte at a time, so that finish() misses nothing."""
    said, deadline = b"", time.monotonic() + PATIENCE
    while not (said.endswith(b"\n") and words in said.decode().splitlines()[-1]):
        assert time.monotonic() < deadline and (byte := os.read(process.stderr.fileno(), 1)), said
        said += byte
    return said.decode()


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


DAEMON = """
def daemon(status, pid_file=None, written="{}\\n"):
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0: os._exit(0)
        def stop(*_):
            say("stopped"); os._exit(status)
        signal.signal(signal.SIGTERM, stop)
        if pid_file:
            open(pid_file + ".new", "w").write(written.format(os.getpid())); os.rename(pid_file + ".new", pid_file)
        say("serves")
        while True: time.sleep(0.05)
"""


def test_forking_goes_on_with_the_only_process_left(ours):
    process = start(ours, ["--forking"], python(DAEMON + "\ndaemon(9)\n"))
    assert process.stdout.readline() == "serves\n"
    until_said(process, "the app goes on as pid")
    os.kill(pid_1(process), signal.SIGTERM)
    assert finish(process)[:2] == (9, "stopped\n"), "the daemon's status is the app's"


def test_forking_goes_on_through_a_process_that_takes_its_time_to_fork_again(ours):
    process = start(ours, ["--forking"], python(DAEMON + """
if os.fork() == 0:
    time.sleep(1); daemon(7); os._exit(0)
"""))
    assert process.stdout.readline() == "serves\n"
    until_said(process, "the app goes on as pid")
    until_said(process, "the app goes on as pid")
    os.kill(pid_1(process), signal.SIGTERM)
    assert finish(process)[:2] == (7, "stopped\n")


def test_forking_ends_with_a_daemon_that_ends_soon(ours):
    assert finish(start(ours, ["--forking"], python("""
if os.fork() == 0:
    time.sleep(0.5); say("done"); os._exit(0)
""")))[:2] == (0, "done\n")


@pytest.mark.parametrize("written", ["{}\\n", "{:32d}\\n", "\\t{}"])
def test_forking_goes_on_with_the_process_of_the_pid_file(ours, folder, written):
    path = folder / "pids"
    path.mkdir(exist_ok=True)
    path.chmod(0o777)
    (path / "app.pid").unlink(missing_ok=True)
    process = start(ours, ["--forking", f"--pidfile={path}/app.pid", "--drain=1s"], python(DAEMON + f"""
if os.fork() == 0:
    os.setsid(); time.sleep(1000)
daemon(8, "{path}/app.pid", "{written}")
"""))
    assert process.stdout.readline() == "serves\n"
    until_said(process, "the app goes on as pid")
    os.kill(pid_1(process), signal.SIGTERM)
    assert finish(process)[:2] == (8, "stopped\n")


HEIR = """
reader, writer = os.pipe()
def heir(status):
    def stop(*_):
        say("stopped"); os._exit(status)
    signal.signal(signal.SIGTERM, stop)
    os.write(writer, str(os.getpid()).encode())
    while True: time.sleep(0.05)
def pid_of_heir():  # when it can be asked to stop
    return int(os.read(reader, 20))
"""


def test_mainpid_names_an_orphan_and_the_app_goes_on_as_it(ours):
    process = start(ours, ["--ready=notify"], python(HEIR + """
if os.fork() == 0:
    if os.fork() == 0:
        while os.getppid() != 1: time.sleep(0.01)
        heir(9)
    os._exit(0)
os.wait()
notify(f"READY=1\\nMAINPID={pid_of_heir()}")
say("named"); time.sleep(1); sys.exit(4)
"""))
    assert process.stdout.readline() == "named\n"
    until_said(process, "the app goes on as pid")
    time.sleep(2)
    os.kill(pid_1(process), signal.SIGTERM)
    assert finish(process)[:2] == (9, "stopped\n"), "the first process's end is an orphan's"


def test_mainpid_names_a_child_and_the_app_goes_on_as_it_when_it_ends(ours):
    """As a daemon does that replaces its own program: the new one is the old one's child until that has ended."""
    process = start(ours, ["--ready=notify"], python(HEIR + """
if os.fork() == 0: heir(8)
notify(f"READY=1\\nMAINPID={pid_of_heir()}"); say("named"); time.sleep(1); sys.exit(4)
"""))
    assert process.stdout.readline() == "named\n"
    until_said(process, "the app goes on as pid")
    os.kill(pid_1(process), signal.SIGTERM)
    assert finish(process)[:2] == (8, "stopped\n")


SUCCESSOR = HEIR + """
if os.fork() == 0: heir(8)
{}
notify(f"READY=1\\nMAINPID={{pid_of_heir()}}"); say("named")
while True: time.sleep(0.05)
"""


def test_an_app_that_has_been_asked_to_stop_hands_that_on_with_the_rest(ours):
    """It ends, its successor goes on: who asked has asked both, and would wait for the engine's whole timeout."""
    process = start(ours, ["--ready=notify", "--grace=1h"], python(SUCCESSOR.format("")))
    assert process.stdout.readline() == "named\n"
    until_said(process, "the app is ready")
    os.kill(pid_1(process), signal.SIGTERM)
    assert finish(process)[:2] == (8, "stopped\n")


def test_an_app_that_was_killed_does_not_go_on_as_another(ours):
    process = start(ours, ["--ready=notify", "--grace=300ms"], python(SUCCESSOR.format("signal.signal(signal.SIGTERM, signal.SIG_IGN)")))
    assert process.stdout.readline() == "named\n"
    until_said(process, "the app is ready")
    os.kill(pid_1(process), signal.SIGTERM)
    code, out, err = finish(process)
    assert (code, out) == (137, "stopped\n") and "--grace was over" in err, err


def test_a_daemon_found_after_the_request_to_stop_is_asked_too(ours):
    """The first process is on its way out when TERM comes, and no longer hands it on."""
    process = start(ours, ["--forking", "--grace=1h"], python(DAEMON + """
signal.signal(signal.SIGTERM, lambda *_: say("asked"))
daemon(9); sys.stdin.readline()
"""), stdin=-1)
    assert process.stdout.readline() == "serves\n"
    os.kill(pid_1(process), signal.SIGTERM)
    assert process.stdout.readline() == "asked\n"
    process.stdin.close()
    code, out, err = finish(process)
    assert (code, out) == (9, "stopped\n"), err


@pytest.mark.parametrize("named", ["1", "0", "-1", "4194304", "99999999999", "x", "{os.getpid()}", "{os.fork() or os._exit(0)}"])
def test_mainpid_of_nobody_that_is_left_changes_nothing(ours, named):
    process = start(ours, ["--ready=notify"], python(f"""
if "fork" in {named!r}: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
notify(f"READY=1\\nMAINPID={named}"); time.sleep(0.3); sys.exit(4)
"""))
    assert finish(process)[0] == 4


def test_mainpid_of_a_number_that_is_nobodys_yet_is_not_kept_for_who_has_it_next(ours):
    process = start(ours, ["--ready=notify"], python("""
notify(f"READY=1\\nMAINPID={os.getpid() + 1}"); sys.stdin.readline()
next = os.fork()
if next == 0:
    os.setsid()
    while True: time.sleep(0.05)
say(next - os.getpid()); sys.exit(4)
"""), stdin=-1)
    until_said(process, "the app is ready")
    process.stdin.write("\n")
    process.stdin.flush()
    code, out, err = finish(process)
    assert (code, out) == (4, "1\n"), err


def test_a_lost_daemons_status_is_stepdowns_own_and_not_rewritten(ours):
    assert finish(start(ours, ["--forking", "--exit-status=111=0", "--grace=0s", "--drain=0s"], python("""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(2):
    if os.fork() == 0:
        while os.getppid() != 1: time.sleep(0.01)
        os.kill(1, signal.SIGTERM); time.sleep(1000)
""")))[0] == 111


def test_forking_ends_where_the_app_fails_or_leaves_nothing(ours):
    assert finish(start(ours, ["--forking"], ["sh", "-c", "exit 4"]))[0] == 4
    assert finish(start(ours, ["--forking"], ["true"]))[0] == 0


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
