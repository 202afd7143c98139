"""scripts/engine, which every other test here stands on: with a cache folder, hence an engine, of its own."""

import os
import pathlib
import subprocess
import tempfile
import time

import pytest

from harness import REPO, run_program


@pytest.fixture
def cache():
    """Not pytest's tmp_path, which outlives the test: an engine's data is much, and nobody's business afterwards."""
    with tempfile.TemporaryDirectory(prefix="stepdown-engine-") as folder:
        yield pathlib.Path(folder)


@pytest.fixture
def script(cache):
    """A user's own engine would be used and none started, so DOCKER_HOST points to where none answers."""
    env = {**os.environ, "STEPDOWN_CACHE": str(cache), "DOCKER_HOST": "unix:///nowhere/docker.sock"}

    def call(*words, code=0):
        result = run_program([REPO / "scripts/engine", *words], env=env, timeout=120)
        assert result.code == code, result
        return result.out

    call.env = env
    yield call
    call("stop")


def pid_of(script):
    host = script("env").split("unix://")[1].split("\n")[0]
    return int(open(os.path.join(os.path.dirname(host), "pid")).read())


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_two_starts_at_once_make_one_engine(script):
    words = [REPO / "scripts/engine", "start"]
    both = [subprocess.Popen(words, env=script.env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(process.communicate(timeout=120)[0].strip() for process in both) == ["running", "started"]
    assert script("status") == "running\n"


def test_it_starts_again_after_a_hard_kill(script):
    script("start")
    first = pid_of(script)
    os.kill(first, 9)
    while alive(first):
        time.sleep(0.05)
    script("status", code=3)
    assert script("start") == "started\n"
    assert pid_of(script) != first


def test_a_stale_pid_file_that_names_somebody_else_kills_nobody(script):
    script("start")
    folder = os.path.dirname(script("env").split("unix://")[1].split("\n")[0])
    os.kill(pid_of(script), 9)
    bystander = subprocess.Popen(["sleep", "1000"])
    try:
        with open(os.path.join(folder, "pid"), "w") as file:
            file.write(str(bystander.pid))
        assert script("start") == "started\n"
        script("stop")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_it_lives_as_long_as_a_holder_does(script):
    holder = subprocess.Popen(["sleep", "1000"])
    script("start", f"--hold={holder.pid}")
    script("start", f"--hold={os.getpid()}")
    script("stop", f"--hold={os.getpid()}")
    assert script("status") == "running\n"
    script("start", f"--hold={os.getpid()}")
    holder.kill()
    holder.wait()
    script("stop", f"--hold={os.getpid()}")
    assert script("status", code=3) == "stopped\n"


def test_a_failed_start_shows_the_end_of_the_log(script, cache):
    (cache / "engine").mkdir()
    (cache / "engine/data").write_text("no folder")
    result = run_program([REPO / "scripts/engine", "start"], env=script.env)
    assert result.code == 1 and "dockerd ended while starting" in result.err and "data" in result.err, result


def test_env_without_an_engine_says_what_to_do(script):
    result = run_program([REPO / "scripts/engine", "env"], env=script.env)
    assert result.code == 1 and "scripts/engine start" in result.err, result
