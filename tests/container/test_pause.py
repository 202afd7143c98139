"""docker pause: PID 1 and its app are frozen together, and what has not happened meanwhile is nobody's fault."""

import time

NOTIFIER = """
import os, signal, socket, time
def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.sendto(text, os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1))
print("up", flush=True)
while not os.path.exists("/tmp/silence"): notify(b"WATCHDOG=1"); time.sleep(0.3)
time.sleep(1000)
"""


def pause(container, seconds):
    """For longer than the time that runs; when it went on."""
    container.engine.must("pause", container.id)
    time.sleep(seconds)
    container.engine.must("unpause", container.id)
    return time.monotonic()


def test_an_app_that_was_frozen_with_pid_1_is_not_killed_for_its_silence(start_container):
    container = start_container("python3", "-c", NOTIFIER, image="apps", stepdown=["--user=app", "--watchdog=3s"])
    container.until_says("up")
    for _ in range(2):
        pause(container, 6)
        time.sleep(1.5)
        assert container.running, container.logs()
    container.exec("touch", "/tmp/silence")
    assert container.wait() == 134
    assert "has not said WATCHDOG=1 in time" in container.logs()


def test_a_pause_does_not_use_up_the_grace_and_does_not_lose_its_end(start_container):
    container = start_container("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done", stepdown=["--user=app", "--grace=15s"])
    container.until_says("ready")
    container.kill("TERM")
    went_on = pause(container, 16)
    time.sleep(1)
    assert container.running, container.logs()
    assert container.wait() == 137
    assert time.monotonic() - went_on > 2
    assert "--grace was over: killed" in container.logs()


def test_a_pause_does_not_use_up_the_drain(start_container):
    script = "sh -c \"trap 'echo asked; sleep 12; echo bye; exit' TERM; echo ready; while :; do sleep 0.1; done\" & while ! test -e /tmp/go; do sleep 0.1; done; exit 6"
    container = start_container("sh", "-c", script, stepdown=["--user=app", "--drain=20s"])
    container.until_says("ready")
    container.exec("touch", "/tmp/go")
    container.until_says("asked")
    pause(container, 21)
    assert container.wait() == 6
    assert "bye" in container.logs() and "when --drain was over" not in container.logs()


def test_a_signal_that_comes_while_it_is_paused_arrives_once_it_goes_on(start_container):
    container = start_container("sh", "-c", "trap 'echo got-USR1' USR1; echo ready; while :; do sleep 0.1; done")
    container.until_says("ready")
    container.engine.must("pause", container.id)
    container.kill("USR1")  # which has the engine go on with it as well, in some versions
    container.engine.docker("unpause", container.id)
    container.until_says("got-USR1")
    assert container.stop(grace=60)[1] == 143
