"""PID 1's duties in a container: signals, zombies, the terminal, the end."""

import os
import pty
import select
import time

import pytest

QUICK = 2.0  # seconds that docker stop may take when nobody has to be killed; the engine's grace is 10


def trapping(signal, answer):
    """A shell that answers a signal, and does not miss it while it sleeps."""
    return f"trap '{answer}' {signal}; echo ready; while :; do sleep 0.1; done"


@pytest.mark.parametrize("base", ["debian", "busybox"])
@pytest.mark.parametrize("tty", [[], ["--tty"]], ids=["no_terminal", "terminal"])
def test_docker_stop_reaches_the_app_and_its_status_is_kept(start_container, base, tty):
    container = start_container("sh", "-c", trapping("TERM", "exit 42"), image=base, docker=tty)
    container.until_says("ready")
    seconds, code = container.stop()
    assert code == 42 and seconds < QUICK


def test_docker_stop_ends_an_app_without_handler_at_once(start_container):
    container = start_container("sleep", "1000")
    container.until(lambda: len(container.processes()) == 2, what="the app")
    seconds, code = container.stop()
    assert code == 143 and seconds < QUICK


def test_an_app_that_ignores_term_gets_its_grace_and_is_killed(start_container):
    container = start_container("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    container.until_says("ready")
    seconds, code = container.stop(grace=2)
    assert code == 137 and 2 <= seconds < 2 + QUICK


def test_docker_stop_reaches_an_app_that_is_to_serve_on_when_its_delay_is_over(start_container):
    script = "trap 'echo stopped; exit 3' TERM; echo up; while :; do sleep 0.1; done"
    container = start_container("sh", "-c", script, stepdown=["--user=app", "--ready=tcp:1", "--stop-delay=2s"])
    container.until_says("up")
    seconds, code = container.stop(grace=60)
    assert code == 3 and seconds >= 2, seconds
    assert "stopped\n" in container.logs()


@pytest.mark.parametrize("signal", ["HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "ALRM", "CONT"])
def test_a_signal_is_forwarded_once(start_container, signal):
    container = start_container("sh", "-c", trapping(signal, f"echo got-{signal}"), image="busybox")
    container.until_says("ready")
    container.kill(signal)
    container.until_says(f"got-{signal}")
    time.sleep(0.3)
    assert container.logs().count(f"got-{signal}") == 1


def test_the_images_stop_signal_is_forwarded(start_container):
    container = start_container("sh", "-c", trapping("QUIT", "exit 3"), docker=["--stop-signal=SIGQUIT"])
    container.until_says("ready")
    seconds, code = container.stop()
    assert code == 3 and seconds < QUICK


def test_term_in_the_first_moment_is_not_lost(start_container):
    for _ in range(5):
        container = start_container("sleep", "1000", image="busybox")
        seconds, code = container.stop()
        assert code == 143 and seconds < QUICK


def test_every_zombie_is_reaped(start_container):
    orphans = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.$i & ) ; done; echo ready; exec sleep 1000"
    container = start_container("bash", "-c", orphans)
    container.until_says("ready")
    container.until(lambda: len(container.processes()) == 2, what="the end of the orphans")
    assert "Z" not in [process["state"] for process in container.processes()]


def test_an_orphans_status_is_not_taken_for_the_apps(run_container):
    assert run_container("bash", "-c", "(sleep 0.1; exit 9) & disown; (exit 8); sleep 0.5; exit 5").code == 5


def test_the_container_ends_with_the_app_though_orphans_live(run_container):
    began = time.monotonic()
    assert run_container("bash", "-c", "setsid sleep 1000 & exit 6").code == 6
    assert time.monotonic() - began < 10


def test_the_app_has_the_terminal_it_was_given(run_container):
    assert run_container("test", "-t", "0", docker=["--tty"]).code == 0
    assert run_container("test", "-t", "0").code == 1


def test_control_c_reaches_the_apps_process_group(engine):
    """An interactive session through a real pty, as at a user's terminal."""
    image = engine.image("debian")
    words = [engine.program, "-H", engine.host, "run", "--rm", "-it", "--network=none", image, "--user=app", "--",
             "bash", "-c", "trap 'echo got-INT; exit 9' INT; echo ready; while :; do sleep 0.1; done"]  # fmt: skip
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(words[0], words)
    said, sent, deadline = b"", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            said += os.read(terminal, 4096)
        except OSError:  # EIO: the other end is closed
            break
        if b"ready" in said and not sent:
            sent = os.write(terminal, b"\x03") == 1
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9, said
    assert b"got-INT" in said


@pytest.mark.parametrize("first", [["--user=app", "--"], ["tini", "--"], ["dumb-init"], ["catatonit"]], ids=lambda words: words[0])
def test_an_interactive_shell_has_job_control(engine, first):
    """docker run -it … bash: Ctrl-Z stops the shell's job and not the shell, and the job goes on in the background."""
    words = [engine.program, "-H", engine.host, "run", "--rm", "-it", "--network=none", engine.image("debian"), *first, "bash", "--norc"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(words[0], words)
    said = b""

    def until(text):
        nonlocal said
        deadline = time.monotonic() + 60
        while text not in said:
            assert time.monotonic() < deadline, said
            if select.select([terminal], [], [], 0.2)[0]:
                said += os.read(terminal, 4096)

    os.write(terminal, b"echo up-$((40 + 2)); sleep 1000\n")
    until(b"up-42")
    time.sleep(1)  # the job has the foreground by then
    os.write(terminal, b"\x1a")
    until(b"Stopped")
    os.write(terminal, b"bg; jobs -r | wc -l | sed s/^/running-/; kill %1; wait; stty size | sed s/^/size-/\n")
    until(b"running-1")
    until(b"size-")
    assert b"no job control" not in said
    os.write(terminal, b"exit 5\nexit 5\n")  # a second time, should the shell still think of its job
    with pytest.raises(OSError):  # EIO: the other end is closed
        until(b"what nobody says")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5, said
    os.close(terminal)


def test_a_terminal_that_is_held_back_does_not_keep_pid_1_from_stopping(engine):
    """docker run -it with a line of the log for each signal, and Ctrl-S at the user's terminal."""
    name = f"stepdown-test-held-{os.getpid()}"
    script = "trap : USR1; trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"
    words = [engine.program, "-H", engine.host, "run", "--rm", "-it", "--network=none", f"--name={name}", engine.image("debian"),
             "--user=app", "--log-level=debug", "--", "bash", "-c", script]  # fmt: skip
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(words[0], words)
    said, deadline = b"", time.monotonic() + 60
    while b"ready" not in said:
        assert time.monotonic() < deadline, said
        if select.select([terminal], [], [], 0.2)[0]:
            said += os.read(terminal, 4096)
    os.write(terminal, b"\x13")
    time.sleep(1)  # the engine has passed it on by then
    for _ in range(3):
        engine.must("kill", "--signal=USR1", name)
    began = time.monotonic()
    engine.must("stop", "--time=30", name)
    assert time.monotonic() - began < 10
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9, said
    os.close(terminal)


def test_standard_input_reaches_the_app(engine):
    assert engine.run("cat", docker=["--interactive"], input=b"through\n").out == "through\n"


def test_pid_1_cannot_be_read_or_traced_by_the_app(start_container):
    container = start_container("sleep", "1000")
    container.until(lambda: len(container.processes()) == 2, what="the app")
    for path in ("mem", "maps", "environ"):
        denied = container.exec("cat", f"/proc/1/{path}", user="app")
        assert denied.code != 0 and "denied" in denied.err, (path, denied)
    assert container.exec("ls", "/proc/1/fd", user="app").code != 0


def test_pid_1_idles_without_waking(start_container):
    container = start_container("sleep", "1000")
    container.until(lambda: len(container.processes()) == 2, what="the app")

    def switches():
        return container.exec("grep", "ctxt", "/proc/1/status").out

    before = switches()
    time.sleep(3)
    assert switches() == before


HEALTH = ["--health-cmd=/stepdown ready", "--health-interval=1s", "--health-timeout=10s", "--health-retries=1000", "--health-start-period=0s"]

# Says READY=1 when /tmp/go is there.
NOTIFIER = """
import os, socket, time
def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.sendto(text, os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1))
print("up", flush=True)
while not os.path.exists("/tmp/go"): time.sleep(0.05)
notify(b"READY=1")
while not os.path.exists("/tmp/stop"): time.sleep(0.05)
notify(b"STOPPING=1")
while True: time.sleep(1)
"""


def test_the_health_check_is_the_apps_own_word(start_container):
    container = start_container("python3", "-c", NOTIFIER, image="apps", stepdown=["--user=app", "--ready=notify"], docker=HEALTH)
    container.until_says("up")
    health = "{{.State.Health.Status}}"
    time.sleep(2.5)
    assert container.inspect(health) == "starting"
    assert container.exec("/stepdown", "ready").code == 1
    container.exec("touch", "/tmp/go")
    container.until(lambda: container.inspect(health) == "healthy", what="health")
    assert container.exec("/stepdown", "ready", user="app").code == 0
    container.exec("touch", "/tmp/stop")
    container.until(lambda: container.exec("/stepdown", "ready").code == 1, what="the end of readiness")


def test_the_health_check_asks_a_port(start_container):
    serve = "import time, http.server as h; time.sleep(2); h.HTTPServer(('127.0.0.1', 8080), h.SimpleHTTPRequestHandler).serve_forever()"
    container = start_container("python3", "-c", serve, image="apps", stepdown=["--user=app", "--ready=tcp:8080"], docker=HEALTH)
    container.until(lambda: container.inspect("{{.State.Health.Status}}") == "healthy", what="health")
    seconds, code = container.stop()
    assert code == 143 and seconds < QUICK


def starts(container):
    return container.logs().count("started")


def test_docker_restart_starts_anew_where_the_last_start_left_its_files(start_container):
    container = start_container("sh", "-c", "echo started; exec sleep 1000", stepdown=["--user=app", "--ready=fd:3", "--mkdir=/var/lib/app"])
    container.until_says("started")
    for count in (2, 3):
        container.engine.must("restart", "--time=10", container.id)
        container.until(lambda: starts(container) == count, what="another start")
        assert container.exec("/stepdown", "verify", "--quiet").code == 0
        assert container.exec("/stepdown", "ready").code == 1, "not the last start's word"
    seconds, code = container.stop()
    assert code == 143 and seconds < QUICK


def test_the_restart_policy_follows_the_apps_status(start_container):
    failing = start_container("sh", "-c", "echo started; exit 3", docker=["--restart=on-failure:2"])
    deadline = time.monotonic() + 60
    while failing.inspect("{{.RestartCount}} {{.State.Running}}") != "2 false":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert starts(failing) == 3 and failing.exit_code == 3
    remapped = start_container("sh", "-c", "echo started; exit 143", stepdown=["--user=app", "--exit-status=143=0"],
                               docker=["--restart=on-failure:2"])
    assert remapped.wait() == 0 and starts(remapped) == 1


DAEMON = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0: os._exit(0)
    def stop(*_):
        print("stopped", flush=True); os._exit(5)
    signal.signal(signal.SIGTERM, stop)
    with open("/tmp/app.pid.new", "w") as file: print(os.getpid(), file=file)
    os.rename("/tmp/app.pid.new", "/tmp/app.pid"); print("serves", flush=True)
    while True: time.sleep(0.05)
"""


@pytest.mark.parametrize("options", [[], ["--pidfile=/tmp/app.pid"]], ids=["only_child", "pid_file"])
def test_a_daemon_that_forks_away_is_the_images_app(start_container, options):
    container = start_container("python3", "-c", DAEMON, image="apps", stepdown=["--user=app", "--forking", *options])
    container.until_says("serves")
    time.sleep(1)
    assert container.running
    seconds, code = container.stop()
    assert (code, seconds < 8) == (5, True), container.logs()  # an interpreter on a busy machine; after 10 it would be killed
    assert "stopped" in container.logs()


@pytest.mark.parametrize("name", ["stepdown", "tini", "dumb-init", "catatonit"])
def test_forks_up_to_the_pids_limit_do_not_keep_the_container_from_stopping(start_container, name):
    """--log-orphans, --ready and the end of the app need no further process."""
    bomb = ("import os, signal, time\nsignal.signal(15, lambda *_: os._exit(7)); print('up', flush=True)\nwhile True:\n  try:\n"
            "    if os.fork() == 0:\n      signal.signal(15, signal.SIG_IGN); time.sleep(0.2); os._exit(0)\n  except OSError: time.sleep(0.001)\n"
            "  try: os.waitpid(-1, os.WNOHANG)\n  except OSError: pass")
    options = ["--user=app", "--drain=1s", "--"] if name == "stepdown" else [name, "--"]
    container = start_container(*options, "python3", "-c", bomb, image="apps", stepdown=(),
                                docker=["--pids-limit=100", "--env=STEPDOWN_DRAIN=1s"])
    container.until_says("up")
    time.sleep(2)
    seconds, code = container.stop(grace=30)
    assert code == 7 and seconds < 10


def test_no_init_of_the_engines_is_needed_and_one_does_no_harm(start_container):
    for docker in ([], ["--init"]):
        container = start_container("sh", "-c", "(sleep 0.2 &); trap 'exit 4' TERM; echo ready; while :; do sleep 0.1; done", docker=docker)
        container.until_says("ready")
        time.sleep(1)
        assert "Z" not in [process["state"] for process in container.processes()]
        seconds, code = container.stop()
        assert code == 4 and seconds < QUICK


# Takes memory until the kernel ends it.
EATER = "import time; held = []; print('eats', flush=True); held.extend(b'x' * (1 << 20) for _ in iter(int, 1))"


def test_pid_1_outlives_the_kernels_killing_for_memory_and_tells_the_status(run_container):
    little = ["--memory=64m", "--memory-swap=64m"]
    ended = run_container("python3", "-c", EATER, image="apps", docker=little)
    assert (ended.code, ended.out) == (137, "eats\n"), ended
    beside = run_container("sh", "-c", 'python3 -c "$0" & wait $!; echo $?; exit 5', EATER, image="apps", docker=little)
    assert (beside.code, beside.out.split()) == (5, ["eats", "137"]), beside
