"""The engine is shared: by the tests of a worker, by the workers of a run, by runs at once. Each worker holds it
(scripts/engine --hold), and it is stopped when the last one lets go. No engine fails every test, and skips none."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from harness import REPO, Engine, executable


def script(name, *argv, env=None):
    """Progress goes to the terminal's standard error as it happens; standard output is the answer."""
    done = subprocess.run([REPO / "scripts" / name, *argv], stdout=subprocess.PIPE, env=env, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"scripts/{name} {' '.join(argv)} failed with {done.returncode}; its last words are above")
    return done.stdout


def held_engine(images, *options):
    binary = executable("STEPDOWN_BINARY", "build/release/stepdown")
    hold = f"--hold={os.getpid()}"
    script("engine", "start", hold, *options)
    try:
        answer = script("engine", "env", *options)
        named = dict(re.findall(r"^export (\w+)=(.*)$", answer, flags=re.M))
        script("images", *images, env={**os.environ, **named})
        engine = Engine(named["STEPDOWN_DOCKER"], named["DOCKER_HOST"], binary)
        engine.forget_old_images()
        yield engine
    finally:
        script("engine", "stop", hold, *options)


@pytest.fixture(scope="session")
def engine_of_session():
    yield from held_engine(("debian", "busybox", "apps", "daemons", "peers"))


@pytest.fixture
def engine(engine_of_session):
    yield engine_of_session
    engine_of_session.remove_containers()


@pytest.fixture(scope="session")
def remapped_engine_of_session():
    yield from held_engine(("debian", "busybox"), "--userns-remap")


@pytest.fixture
def remapped_engine(remapped_engine_of_session):
    yield remapped_engine_of_session
    remapped_engine_of_session.remove_containers()


@pytest.fixture
def run_container(engine):
    return engine.run


@pytest.fixture
def start_container(engine):
    return engine.start


@pytest.fixture(scope="session")
def filters(engine_of_session):
    """What every process of a stepped-down container has: the engine's filters and one more."""
    return engine_of_session.without_stepdown()["filters"] + 1


@pytest.fixture
def host_folder():
    """A folder of the host that every id may enter (a remapped root is none of the host's), for bind mounts."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stepdown-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def root_file(host_folder):
    """The textbook's file: root's, and nobody else may read it."""
    assert os.getuid() == 0, "only root can make a file of root's"
    secret = host_folder / "secret"
    secret.write_text("the secret\n")
    secret.chmod(0o600)
    return secret
