"""Each peer's real program beside stepdown under its name: what a swap of the file must not change."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

import pytest

PEERS = ("tini", "dumb-init", "catatonit", "gosu")
BINARY = pathlib.Path(os.environ["PROGRAM_UNDER_TEST"])  # not STEPDOWN_: that would be an option of the program
SUPERVISED = os.environ["SUPERVISED_APP"]  # tests/payload/supervised.cpp
OWN_RUN = ["sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh"]
PATIENCE = 60  # seconds; a loaded machine

# Whoever starts the tests with & has these ignored, and the peers do not agree on whether the app should find them so.
for number in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(pid):
    """proc(5)'s letter for a process's state; of one that is gone, nothing."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(") ", 1)[1][0]
    except FileNotFoundError:
        return ""


def pid_1(process):
    """unshare's only child, once it is there."""
    until(lambda: children(process.pid))
    [pid] = children(process.pid)
    return pid


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


class Program:
    """A program by its path; as_pid_1: the first process of a PID namespace with its own /proc and /run."""

    def __init__(self, path):
        self.path = str(path)

    def words(self, argv, as_pid_1):
        inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *OWN_RUN] if as_pid_1 else []
        return [*inside, self.path, *argv]

    def start(self, *argv, env=None, as_pid_1=False, **options):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(self.words(argv, as_pid_1), text=True, env={**os.environ, **(env or {})},
                                start_new_session=True, **streams)

    def run(self, *argv, **options):
        process = self.start(*argv, **options)
        out, err = process.communicate(timeout=PATIENCE)
        return Ended(process.returncode, out or "", err or "")


@pytest.fixture(scope="session")
def folder():
    """Ours under every peer's name, and an app of the tests, where everybody may execute them: pytest's own folders are
    closed to all but one user."""
    with tempfile.TemporaryDirectory(prefix="front-ends.") as path:
        base = pathlib.Path(path)
        base.chmod(0o755)
        for name in (*PEERS, "su-exec", "stepdown"):
            shutil.copy(BINARY, base / name)
        shutil.copy(SUPERVISED, base / "supervised")
        yield base


@pytest.fixture(scope="session")
def ours(folder):
    return {path.name: Program(path) for path in folder.iterdir()}


@pytest.fixture(scope="session")
def theirs():
    found = {name: shutil.which(name) for name in PEERS}
    missing = [name for name, path in found.items() if path is None]
    assert not missing, f"{', '.join(missing)} not installed: toolchain/setup test"
    return {name: Program(path) for name, path in found.items()}
