"""--forking and MAINPID=: the app goes on in another process."""

import os
import signal
import time

import pytest

from conftest import pid_1
from notifying import finish, python, start, until_said

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
